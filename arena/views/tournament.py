"""`arena tournament`: played to its end, then shown."""

from __future__ import annotations

from shlex import quote

from rich.console import Console

from arena.record.board import Summed
from arena.record.store import Store
from arena.tournament.options import TournamentOptions
from arena.tournament.plan import Tournament
from arena.tournament.run import TournamentResult, UntilSeparated, run
from arena.tournament.shard import Shard
from arena.untrusted import one_line
from arena.views.leaderboard import show_board
from arena.views.messages import note, warn
from arena.views.options import Format
from arena.views.tournament_progress import TournamentDisplay
from arena_agents.engines.choose import parse_engine
from arena_agents.sandbox import Sandbox
from arena_games.base import UsageError


def hold_tournament(options: TournamentOptions, *, as_json: bool = False) -> bool:
    """Play a tournament to its end and show its leaderboard; whether all was trained and played."""
    result = play_tournament(options)
    shard = None if options.shard is None else Shard.parse(options.shard)
    verdict = result.verdict
    with Store.read(result.folder) as store:
        summed = Summed.of_store(store)
    show_board(
        summed.board(1 if verdict is None else verdict.looks),
        summed,
        result.spending,
        result.invalid,
        format=Format.JSON if as_json else Format.RICH,
        verdict=None if verdict is None else one_line(str(verdict)),
    )
    if shard is None:
        note(f"arena report {quote(str(options.out))} makes a page of it")
    else:
        note(f"arena merge {quote(str(options.out))} joins the shards, once all {shard.of} are played")
    warn_of(result)
    return not (result.failed or result.cut_short)


def play_tournament(options: TournamentOptions) -> TournamentResult:
    """Play a tournament to its end, its progress shown on stderr."""
    until = played_on(options)
    shard = None if options.shard is None else Shard.parse(options.shard)
    tournament = Tournament.asked(options)
    return run(
        tournament,
        train=options.train,
        deadline_s=options.deadline_s,
        display=TournamentDisplay(Console(stderr=True)),
        until=until,
        engine=parse_engine(options.engine),
        sandbox=Sandbox(
            in_process=options.in_process, memory_gib=options.agent_memory_gib, cpu_s=options.agent_cpu_s
        ),
        workers=options.workers,
        shard=shard,
        ray=options.ray,
    )


def warn_of(result: TournamentResult) -> None:
    """Say who was left out, what could not be trained, and what remains to be played."""
    for problem in dict.fromkeys(result.unable.values()):
        warn(f"{one_line(problem)}; left out there")
    for training, error in result.failed.items():
        warn(f"{training.name} could not be trained and was left out: {error}; see {training.folder}")
    for agent, errors in result.cut_short.items():
        warn(f"{agent}: {len(errors)} matches remain to be played, repeat the command; {errors[-1]}")


def played_on(options: TournamentOptions) -> UntilSeparated | None:
    """Whether to play on until ranks are separated. Raises UsageError for a budget of nothing."""
    if options.max_matches is not None and not options.until_separated:
        raise UsageError("--max-matches bounds --until-separated; add it, or use --matches")
    return UntilSeparated(options.max_matches) if options.until_separated else None
