"""The run that plays a tournament: train, play what is missing, play on if that is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from arena.machine.children import Watcher
from arena.machine.copies import refuse_links
from arena.machine.environment import environment
from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.resimulate import reading_exactly
from arena.record.plays import Faults
from arena.record.store import Store
from arena.record.usages import Spending
from arena.tournament.agents import Agents
from arena.tournament.entrants import Training, trainings
from arena.tournament.executor.base import Executor, Played
from arena.tournament.executor.choose import executor_of
from arena.tournament.executor.task import Task
from arena.tournament.options import DEADLINE_S, TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.prepare import due, threads_each, train_all
from arena.tournament.schedule import Schedule
from arena.tournament.separation import Verdict, play_on
from arena.tournament.shard import Shard
from arena.tournament.silent import Silent
from arena_agents.engines.base import EngineName
from arena_agents.sandbox import Sandbox
from arena_games.base import UsageError
from arena_leaderboard import MatchResult

__all__ = ["Display", "Listener", "TournamentResult", "UntilSeparated", "run"]


CONCURRENCY = 128  # matches in lockstep: enough to fill a model's batch
BATCH_SECONDS = 1.0  # episodes are stored together that end within this time
BATCH_EPISODES = 200
THREADS = "training_threads"  # of each training, in what the run says of its environment
LOOKED_UP = 500  # matches whose ids are looked up together
MOST_TRIES = 3  # of a match that failures outside an agent end; by the last it is forfeited


class Listener(Protocol):
    """Told how a tournament proceeds."""

    def plan(self, games: Mapping[str, tuple[int, int]]) -> None:
        """For each game, in playing order: the matches that are stored already, and all of them."""

    def begin(self, game: str) -> None:
        """Its first match is about to be played."""

    def advance(self, game: str, episodes: Sequence[Episode]) -> None:
        """These have been stored; attempts that came to nothing are not among them."""


class Display(Protocol):
    """Where a tournament is shown."""

    def left_out(self, problems: Collection[str]) -> None:
        """Before anything is trained or played: why agents are left out of games."""

    def trainings(self, waiting: Sequence[Training]) -> AbstractContextManager[Watcher[Training]]:
        """For as long as these are trained."""

    def matches(self) -> AbstractContextManager[Listener]:
        """For as long as some matches are played."""


@dataclass(frozen=True)
class TournamentResult:
    """What a tournament has come to, in its `folder`, and the policies that could not be trained.

    `cut_short` holds, by agent, the failures outside it that ended its matches: those remain to be played.
    `unable` holds why an agent was left out of a game, `invalid` why replies were, both by (agent, game).
    """

    folder: Path
    failed: dict[Training, str]
    spending: Mapping[str, Spending] = field(default_factory=dict)
    cut_short: Mapping[str, list[str]] = field(default_factory=dict)
    verdict: Verdict | None = None
    unable: Mapping[tuple[str, str], str] = field(default_factory=dict)
    invalid: Faults = field(default_factory=dict)

    @property
    def results(self) -> list[MatchResult]:
        """All results so far, read anew from the run's file whenever they are asked for."""
        with Store.read(self.folder) as store:
            return store.results()


@dataclass(frozen=True, slots=True)
class UntilSeparated:
    """To play on after the planned matches, up to so many in all; see `separation`."""

    max_matches: int | None = None


def run(
    tournament: Tournament,
    *,
    train: TrainMode = TrainMode.AUTO,
    deadline_s: float = DEADLINE_S,
    display: Display | None = None,
    until: UntilSeparated | None = None,
    engine: EngineName = "transformers",
    sandbox: Sandbox | None = None,
    workers: int | None = None,
    shard: Shard | None = None,
    ray: str | None = None,
) -> TournamentResult:
    """Train what has to be trained, play what has not been played, and show both on `display`, if any.

    A tournament that was played before goes on. `deadline_s` bounds an agent's time for one call.
    An agent whose training fails plays nothing that needs it. `sandbox` says how agents that are not ours are
    run; what they print goes to `logs` in the run's folder. `workers` processes play (None: as
    `executor.choose.workers_for` says), or the Ray cluster at the address `ray` (`local`: one that is started
    here); what is stored does not depend on who. With a `shard` only its
    part is played, in a folder of its own, by policies that have been trained. Raises UsageError,
    before anything is written, for an agent that cannot be made or may not be trained.
    """
    display = display or Silent()
    folder = tournament.out if shard is None else shard.folder(tournament.out)
    refuse_links(folder)
    needed = trainings(tournament.entrants, tournament.games, tournament.out)
    waiting = _due(needed, train, shard, until)
    sandbox = replace(sandbox or Sandbox(), logs=folder / "logs")
    agents = Agents(tournament, engine, sandbox)
    agents.check()
    unable = agents.unable()
    display.left_out(dict.fromkeys(unable.values()))
    planned = environment() | {THREADS: threads_each(needed)}
    with Store.open(folder, tournament.config() | _share(tournament, shard, unable), planned) as store:
        if store.reads_exactly:  # it goes on as it began
            tournament = replace(tournament, games=tuple(map(reading_exactly, tournament.games)))
        failed: dict[Training, str] = {}
        if waiting:
            failed = _train(tournament, waiting, store, train == TrainMode.ALWAYS, display)
        config = MatchConfig(deadline_s=deadline_s, concurrency=CONCURRENCY, rethink=tournament.rethink)
        left_out = frozenset({*tournament.left_out(failed), *unable})
        cut_short: dict[str, list[str]] = {}
        nothing = Schedule(lambda: iter(()))
        planned_matches = nothing if train == TrainMode.ONLY else tournament.schedule(left_out, shard)
        missing = len(planned_matches) - store.count()
        task = Task.of(tournament, config, engine, sandbox, store.reads_exactly)
        with closing(executor_of(task, agents, config, workers, missing, ray)) as executor:

            def played(matches: Collection[Match] | Schedule) -> bool:
                with display.matches() as listener:
                    cut_short.update(play_missing(tournament, store, executor, listener, matches))
                return not cut_short

            verdict = None
            if played(planned_matches) and until is not None:
                verdict = play_on(tournament, left_out, store.results, played, max_matches=until.max_matches)
        return TournamentResult(
            folder, failed, store.spending(), cut_short, verdict, unable, store.invalid_replies()
        )


def _due(
    needed: Sequence[Training], train: TrainMode, shard: Shard | None, until: UntilSeparated | None
) -> list[Training]:
    """What has to be trained now. Raises UsageError for what a shard cannot do."""
    if shard is None:
        return due(needed, train)
    if until is not None:
        raise UsageError("ranks are separated by all matches; use --until-separated on the merged run")
    lacking = ", ".join(training.name for training in due(needed, TrainMode.AUTO))
    if lacking or train in (TrainMode.ALWAYS, TrainMode.ONLY):
        what = f"not trained yet: {lacking}" if lacking else f"--train {train} is not for a shard"
        raise UsageError(f"{what}; shards share their policies: train them before, with --train only")
    return []


def _share(
    tournament: Tournament, shard: Shard | None, unable: Collection[tuple[str, str]]
) -> dict[str, Any]:
    """What a shard's run says of it: which it is, of how many, and how many matches it plays."""
    if shard is None:
        return {}
    matches = len(tournament.schedule(unable, shard))
    return {"shard": {"number": shard.number, "of": shard.of, "matches": matches}}


def _train(
    tournament: Tournament, waiting: list[Training], store: Store, anew: bool, display: Display
) -> dict[Training, str]:
    if anew and store.episode_ids():
        raise UsageError(
            f"{tournament.out} holds matches of the policies it trained; "
            "go on with --train auto, or choose another --out"
        )
    # As it was planned, however many are left: with other threads the numbers would be others.
    planned = store.meta("environment").get(THREADS)
    threads = planned if isinstance(planned, int) and planned > 0 else None
    with display.trainings(waiting) as watcher:
        return train_all(waiting, seed=tournament.seed, watcher=watcher, anew=anew, threads=threads)


def play_missing(
    tournament: Tournament,
    store: Store,
    executor: Executor,
    listener: Listener,
    matches: Collection[Match] | Schedule | None = None,
) -> dict[str, list[str]]:
    """Have those of the matches (by default, of all planned) played that the store lacks, and store them.

    They are gone through twice, first to be counted; nobody holds them all.
    Returns the failures outside agents, by agent; their matches are stored as attempts, and still missing. In
    the last of `MOST_TRIES` such a failure forfeits the match: else it could be had played until it is won.
    """
    matches = tournament.schedule() if matches is None else matches
    planned = dict.fromkeys((spec.name for spec in tournament.games), 0)
    missing = dict(planned)
    for chunk in _in_chunks(matches):
        for match in chunk:
            planned[match.spec.name] += 1
        for match in _lacking(store, chunk):
            missing[match.spec.name] += 1
    listener.plan({game: (planned[game] - missing[game], planned[game]) for game in planned})
    tries = store.tries()
    queue = (
        replace(match, last_try=tries[match.id] >= MOST_TRIES - 1)
        for chunk in _in_chunks(matches)
        for match in _lacking(store, chunk)
    )
    cut_short: dict[str, list[str]] = defaultdict(list)
    for batch in batches(executor.play(_announced(queue, listener), sum(missing.values()))):
        store.add_rows(one.rows for one in batch)
        for game, ended in _by_game(batch).items():
            listener.advance(game, ended)
        for one in batch:
            if one.passing:
                cut_short[str(one.episode.culprit)].append(str(one.episode.detail))
    return dict(cut_short)


def _in_chunks(matches: Iterable[Match]) -> Iterator[list[Match]]:
    """A few at a time, to be looked up together."""
    queue = iter(matches)
    while chunk := list(islice(queue, LOOKED_UP)):
        yield chunk


def _lacking(store: Store, matches: Sequence[Match]) -> list[Match]:
    """Those that the store does not hold."""
    held = store.holds([match.id for match in matches])
    return [match for match in matches if match.id not in held]


def _announced(matches: Iterable[Match], listener: Listener) -> Iterator[Match]:
    """The matches as they are drawn; of each game the listener is told before its first."""
    begun: set[str] = set()
    for match in matches:
        if match.spec.name not in begun:
            begun.add(match.spec.name)
            listener.begin(match.spec.name)
        yield match


def _by_game(batch: Sequence[Played]) -> dict[str, list[Episode]]:
    """The episodes by game, without the attempts that came to nothing."""
    games: dict[str, list[Episode]] = defaultdict(list)
    for one in batch:
        games[one.episode.game] += [] if one.passing else [one.episode]
    return dict(games)


def batches(episodes: Iterable[Played]) -> Iterator[list[Played]]:
    """What was played as it comes, together what ends within `BATCH_SECONDS`."""
    batch: list[Played] = []
    began = monotonic()
    for episode in episodes:
        batch.append(episode)
        if len(batch) >= BATCH_EPISODES or monotonic() - began > BATCH_SECONDS:
            yield batch
            batch, began = [], monotonic()
    if batch:
        yield batch
