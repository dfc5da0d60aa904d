"""A tournament: who meets whom on which seeds (pure), and the run that plays it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from rich.console import Console

from arena.choices import TrainMode
from arena.entrants import SPECIALIST, Entrant, Training, trainings
from arena.episode import Episode
from arena.match import play
from arena.prepare import due, train_all
from arena.progress import MatchProgress, TrainingProgress
from arena.seating import house_agents, seated
from arena.seeds import Split, episode_seed
from arena.store import Store
from arena.table import Match, MatchConfig
from arena.training.run import environment
from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError
from arena_leaderboard import MatchResult

CONCURRENCY = 128  # matches in lockstep: enough to fill a model's batch
BATCH_SECONDS = 1.0  # episodes are stored together that end within this time
BATCH_EPISODES = 200


def schedule(games: Iterable[GameSpec], agents: Sequence[str], *, seed: int, matches: int) -> list[Match]:
    """Every match of a tournament, game by game and line-up by line-up.

    On each game every agent plays about `matches` matches, and at least one per line-up and seat.
    All line-ups meet the same seeds: every agent alone where there is one open seat, else every
    combination of as many agents as there are open seats, with the seats passed around in turn.
    """
    return list(chain.from_iterable(_of_game(spec, agents, seed, matches) for spec in games))


def _of_game(spec: GameSpec, agents: Sequence[str], seed: int, matches: int) -> Iterator[Match]:
    orders = [order for line_up in line_ups(agents, len(spec.open_seats)) for order in rotations(line_up)]
    played_per_seed = sum(agents[0] in order for order in orders)  # the same for every agent
    seeds = [episode_seed(Split.TEST, seed, i) for i in range(max(1, round(matches / played_per_seed)))]
    for order in orders:
        for start in seeds:
            yield Match(spec, start, seated(spec, order))


def line_ups(agents: Sequence[str], seats: int) -> list[tuple[str, ...]]:
    """All ways to fill the seats, as often with one agent as with another.

    With fewer agents than seats everyone sits down, as often as there is room for all, and the
    seats that are left go to every combination of agents in turn.
    """
    everyone = tuple(agents) * (seats // len(agents))
    return [everyone + rest for rest in combinations(agents, seats % len(agents))]


def rotations(line_up: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The different seat orders that come from passing the seats around the table."""
    return list(dict.fromkeys(line_up[i:] + line_up[:i] for i in range(len(line_up))))


@dataclass(frozen=True)
class Tournament:
    """What is to be played. `config` decides the matches; a run is continued only under the same."""

    games: tuple[GameSpec, ...]
    entrants: tuple[Entrant, ...]
    seed: int
    matches: int
    out: Path

    def config(self) -> dict[str, Any]:
        """What is stored with the run, and must not change while it is continued."""
        return {
            "games": {spec.name: spec.version for spec in self.games},
            "agents": {entrant.label: entrant.spec for entrant in self.entrants},
            "seed": self.seed,
            "matches": self.matches,
        }

    def schedule(self) -> list[Match]:
        labels = [entrant.label for entrant in self.entrants]
        return schedule(self.games, labels, seed=self.seed, matches=self.matches)

    def left_out(self, failed: Collection[Training]) -> set[tuple[str, str]]:
        """Who cannot play what, as (agent, game), when these trainings have failed."""
        return {
            (entrant.label, spec.name)
            for entrant in self.entrants
            for spec in self.games
            if entrant.training(spec, self.out) in failed
        }


class Listener(Protocol):
    """Told how a tournament proceeds."""

    def plan(self, games: Mapping[str, tuple[int, int]]) -> None:
        """For each game, in playing order: the matches that are stored already, and all of them."""

    def begin(self, game: str) -> None:
        """Its first match is about to be played."""

    def advance(self, game: str, matches: int) -> None:
        """So many more have been stored."""


@dataclass(frozen=True)
class Report:
    """What a tournament has come to: all results so far, and the policies that could not be trained."""

    results: list[MatchResult]
    failed: dict[Training, str]


def run(tournament: Tournament, *, train: TrainMode, deadline_s: float, console: Console) -> Report:
    """Train what has to be trained, play what has not been played, and show both on `console`.

    An agent whose training fails plays nothing that needs it. Raises UsageError, before anything is
    written, for an agent that cannot be made or may not be trained.
    """
    needed = trainings(tournament.entrants, tournament.games, tournament.out)
    waiting = due(needed, train)
    agents = Agents(tournament)
    agents.check()
    with Store.open(tournament.out, tournament.config(), environment()) as store:
        failed: dict[Training, str] = {}
        if waiting:
            agents = Agents(tournament)  # those that were checked make room for the trainings
            failed = _train(tournament, waiting, store, train == TrainMode.ALWAYS, console)
        config = MatchConfig(deadline_s=deadline_s, concurrency=CONCURRENCY)
        with MatchProgress(console).shown() as listener:
            left_out = tournament.left_out(failed)
            play_missing(tournament, store, agents, listener, left_out=left_out, config=config)
        return Report(store.results(), failed)


def _train(
    tournament: Tournament, waiting: list[Training], store: Store, anew: bool, console: Console
) -> dict[Training, str]:
    if anew and store.episode_ids():
        raise UsageError(
            f"{tournament.out} holds matches of the policies it trained; "
            "go on with --train auto, or choose another --out"
        )
    with TrainingProgress(console, waiting).shown() as watcher:
        return train_all(waiting, seed=tournament.seed, watcher=watcher, anew=anew)


class Agents:
    """Makes each agent when it is first needed; one instance may serve several games."""

    def __init__(self, tournament: Tournament) -> None:
        self._tournament = tournament
        self._made: dict[str, Agent] = {}

    def check(self) -> None:
        """Make all that need no training, so that a wrong name is found at once. Raises UsageError."""
        for entrant in self._tournament.entrants:
            source = entrant.base or entrant.spec
            if source != SPECIALIST:
                self._make(source)

    def of_game(self, spec: GameSpec, players: Iterable[str]) -> dict[str, Agent]:
        """The players of a game by name, the house's included. Raises UsageError if one cannot be made."""
        wanted = set(players)
        made = {
            entrant.label: self._make(entrant.playable(spec, self._tournament.out))
            for entrant in self._tournament.entrants
            if entrant.label in wanted
        }
        return made | house_agents([spec])

    def _make(self, playable: str) -> Agent:
        if playable not in self._made:
            self._made[playable] = make_agent(playable)
        return self._made[playable]


def play_missing(
    tournament: Tournament,
    store: Store,
    agents: Agents,
    listener: Listener,
    *,
    left_out: Collection[tuple[str, str]] = (),
    config: MatchConfig | None = None,
) -> None:
    """Play the matches that the store does not hold, and store them in batches.

    `left_out` names agents that cannot play, as (agent, game): nobody meets them there.
    """
    stored = store.episode_ids()
    planned: dict[str, list[Match]] = {spec.name: [] for spec in tournament.games}
    for match in tournament.schedule():
        if not any((player, match.spec.name) in left_out for player in match.players):
            planned[match.spec.name].append(match)
    missing = {game: [match for match in planned[game] if match.id not in stored] for game in planned}
    listener.plan({game: (len(planned[game]) - len(missing[game]), len(planned[game])) for game in planned})
    for spec in tournament.games:
        if missing[spec.name]:
            players = {player for match in missing[spec.name] for player in match.players}
            _play(missing[spec.name], agents.of_game(spec, players), store, listener, config)


def _play(
    matches: list[Match],
    agents: Mapping[str, Agent],
    store: Store,
    listener: Listener,
    config: MatchConfig | None,
) -> None:
    spec = matches[0].spec
    listener.begin(spec.name)
    for batch in batches(play(matches, agents, config)):
        store.add(batch, spec.open_seats)
        listener.advance(spec.name, len(batch))


def batches(episodes: Iterable[Episode]) -> Iterator[list[Episode]]:
    """The episodes as they come, those together that end within `BATCH_SECONDS`."""
    batch: list[Episode] = []
    began = monotonic()
    for episode in episodes:
        batch.append(episode)
        if len(batch) >= BATCH_EPISODES or monotonic() - began > BATCH_SECONDS:
            yield batch
            batch, began = [], monotonic()
    if batch:
        yield batch
