"""How cost grows: with matches at once, with episodes stored, with the length of prompts and replies.

python -m tests.benchmarks.growth [matches|episodes|results|workers|lengths ...] [--episodes N ...]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.record.merge import merge
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena_agents.base import Agent
from arena_agents.language.agent import load_language_agent
from arena_agents.random import RandomAgent
from arena_games.registry import find_game
from tests.benchmarks.update import Tokens, some_ids, updates

Row = dict[str, object]
AT_ONCE, ROUNDS = (1, 8, 64, 512), 5
EPISODES = (1_000, 10_000, 100_000)
RESULTS = (10_000, 100_000, 400_000, 1_000_000)
LENGTHS = (4, 16, 64, 256)


def matches() -> Iterator[Row]:
    """Episodes a second of processor time at so many matches at once: nano, and players that cost nothing.

    The best of some rounds, in which all sizes take turns.
    """
    nano, random = load_language_agent("nano"), RandomAgent()
    best: defaultdict[tuple[int, str], float] = defaultdict(float)
    for game, agent, rounds in (("frozen-lake", nano, 1), ("snake-duel", random, ROUNDS)):
        name = f"{'nano' if agent is nano else 'random'}, {game}, episodes/s"
        for size in AT_ONCE * rounds:
            count = max(64, 2 * size) if agent is nano else 1024
            best[size, name] = max(best[size, name], _episodes_per_s(game, agent, count, size))
    for size in AT_ONCE:
        yield {"matches at once": size} | {name: best[at, name] for at, name in best if at == size}


def _episodes_per_s(game: str, agent: Agent, count: int, at_once: int) -> float:
    spec = find_game(game)
    queue = (Match(spec, seed, ("player",) * spec.seats) for seed in range(count))
    began = time.process_time()
    for _ in play(queue, {"player": agent}, MatchConfig(concurrency=at_once)):
        pass
    return round(count / (time.process_time() - began), 1)


def episodes(counts: Sequence[int] = EPISODES) -> Iterator[Row]:
    """A tournament of scripted players, whole commands: time, peak memory, size of the run's file."""
    for count in counts:
        with TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            options = ["--games", "frozen-lake", "--agents", "random,search", "--matches", str(count // 2)]
            options += ["--workers", "1"]
            began = time.perf_counter()
            used = _used([sys.executable, "-m", "arena", "tournament", *options, "--out", str(run)])
            size = sum(file.stat().st_size for file in run.rglob("*"))
            yield {
                "episodes": count,
                "seconds": round(time.perf_counter() - began, 1),
                "CPU seconds": round(used.cpu_s, 1),
                "peak memory, MB": round(used.peak / 1e6),
                "run's folder, MB": round(size / 1e6, 1),
                "bytes an episode": round(size / count),
            }


# Results of two players on FrozenLake as a store yields them, seed by seed, made up as they are asked for.
LEADERBOARD = """
import random, sys
from arena_leaderboard import MatchResult
from arena_leaderboard.head_to_head import head_to_head_of
from arena_leaderboard.standings import standings_of
from arena_leaderboard.sums import added_up, together
luck = random.Random(0)
def results(count):
    for seed in range(count // 2):
        for player, chance in (("random", 0.2), ("search", 0.9)):
            won = luck.random() < chance
            yield MatchResult("frozen-lake", 2**47 + seed, (player,), (1,), (float(won),), (won,), (0,), (6,),
                              (luck.random(),))
sums = added_up(together(results(int(sys.argv[1]))))
order = [row.agent for row in standings_of(sums).overall]
assert order == ["search", "random"]
head_to_head_of({game: of.meetings for game, of in sums.items()}, order)
"""


def results() -> Iterator[Row]:
    """A leaderboard of so many results, each let go when it has been added up: time and peak memory."""
    for count in RESULTS:
        began = time.perf_counter()
        peak = _used([sys.executable, "-c", LEADERBOARD, str(count)]).peak
        seconds = round(time.perf_counter() - began, 1)
        yield {"results": count, "seconds": seconds, "peak memory, MB": round(peak / 1e6)}


def workers() -> Iterator[Row]:
    """Milliseconds of CPU an episode: one process, then the writer and two workers of it, then a merge."""
    for game, count in (("frozen-lake", 2_000), ("snake-duel", 400)):
        with TemporaryDirectory() as folder:
            took: dict[str, float] = {}
            for number in (1, 2):
                tournament = Tournament.of(
                    game, "a=random,b=search", Path(folder) / str(number), matches=count // 2
                )
                before = _cpu_seconds()
                run(tournament, workers=number)
                own, childrens = (after - was for after, was in zip(_cpu_seconds(), before, strict=True))
                took |= {"one process": own} if number == 1 else {"writer": own, "workers": childrens}
            began, played = time.process_time(), len(tournament.schedule())
            merge(Path(folder) / "merged", [tournament.out])
            took["merge"] = time.process_time() - began
            milliseconds = {name: round(1000 * seconds / played, 2) for name, seconds in took.items()}
            yield {"game": game, "episodes": played, **milliseconds}


def _cpu_seconds() -> tuple[float, float]:
    """That this process and its children have taken."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own, childrens = (found.ru_utime + found.ru_stime for found in used)
    return own, childrens


# A process that starts another counts its own memory as the other's: a small one in between.
LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss * 1024, used.ru_utime + used.ru_stime)
"""


class Used(NamedTuple):
    """Bytes that a command had in memory at most, and seconds that it computed."""

    peak: int
    cpu_s: float


def _used(command: list[str]) -> Used:
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], check=True, capture_output=True, text=True
    )
    peak, cpu_s = done.stdout.split()
    return Used(int(peak), float(cpu_s))


def lengths() -> Iterator[Row]:
    """Seconds of one update of nano on 64 unlike prompts: by reply length, then by prompt length."""
    rng = np.random.default_rng(0)
    for prompt, reply in [*((150, length) for length in LENGTHS), *((4 * length, 16) for length in LENGTHS)]:
        prompts, replies = ([some_ids(rng, length) for _ in range(64)] for length in (prompt, reply))
        updating = updates(Tokens(prompts, replies, rng.normal(size=64).tolist()))
        seconds = [_seconds(updating.__next__) for _ in range(4)][1:]
        yield {"prompt tokens": prompt, "reply tokens": reply, "seconds an update": round(median(seconds), 2)}


def _seconds(once: Callable[[], object]) -> float:
    began = time.perf_counter()
    once()
    return time.perf_counter() - began


CURVES: dict[str, Callable[[], Iterator[Row]]] = {
    "matches": matches,
    "episodes": episodes,
    "results": results,
    "workers": workers,
    "lengths": lengths,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("curves", nargs="*", metavar="CURVE", help="all, or: " + ", ".join(CURVES))
    parser.add_argument("--episodes", type=int, nargs="+", default=EPISODES, metavar="N")
    parser.add_argument("--json", type=Path, default=Path("runs/growth.json"), metavar="FILE")
    options = parser.parse_args()
    if unknown := [name for name in options.curves if name not in CURVES]:
        parser.error(f"unknown curve {unknown[0]!r}; known: {', '.join(CURVES)}")
    curves = CURVES | {"episodes": partial(episodes, options.episodes)}
    found = {}
    for name in options.curves or CURVES:
        found[name] = list(curves[name]())
        Console().print(_table(str(CURVES[name].__doc__), found[name]))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:,}" for value in row.values()))
    return table


if __name__ == "__main__":
    main()
