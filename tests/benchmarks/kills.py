"""Killed outright at random moments, tournaments and trainings end as if nobody had disturbed them.

    python -m tests.benchmarks.kills [--tournaments 50] [--trainings 30] [--seed 0] [--json FILE]

Each run is killed (SIGKILL) up to three times, at moments drawn evenly over the time that it takes; then it
is done again as a user would, and compared with the undisturbed one: of a tournament every stored episode,
the leaderboard and `arena verify`; of a training every file but for what the clock decides. Half of the
trainings are of `nano`, half of a DQN.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from arena.tournament.plan import Tournament
from arena.tournament.run import run as hold
from tests.arena.faults import SERVER
from tests.arena.test_sweep import same_tournament, same_training, train_dqn, train_nano

MOST_KILLS = 3
AGENTS = "random,search,nano"


@dataclass(frozen=True, slots=True)
class Killed:
    """Runs of one kind: how many, how often killed while they ran, and how many then differed."""

    what: str
    runs: int
    kills: int
    seconds_undisturbed: float
    differing: int


def play(folder: Path) -> None:
    """A tournament of a language model and two others, or the rest of it."""
    hold(Tournament.of("frozen-lake,snake-duel", AGENTS, folder, matches=6), deadline_s=60.0)


def done(work: Callable[[Path], None], folder: Path) -> float:
    """Do all of the work, or the rest of it; returns the seconds that it took."""
    began = time.monotonic()
    process = SERVER.Process(target=work, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0, f"{folder} cannot be gone on with"
    return time.monotonic() - began


def kill(work: Callable[[Path], None], folder: Path, after_s: float) -> bool:
    """Begin the work or go on with it, and kill it after a while; whether it was still going."""
    process = SERVER.Process(target=work, args=(folder,))
    process.start()
    process.join(after_s)
    hit = process.exitcode is None
    process.kill()
    process.join()
    return hit


def killed(
    what: str,
    work: Callable[[Path], None],
    same: Callable[[Path], None],
    runs: int,
    generator: random.Random,
    scratch: Path,
) -> Killed:
    """So many runs of one kind, each killed and done again; `same` compares with the one called `whole`."""
    done(work, scratch / "warm")  # the first one waits for imports
    took = done(work, scratch / "whole")
    kills = differing = 0
    for number in range(runs):
        folder = scratch / str(number)
        for _ in range(generator.randint(1, MOST_KILLS)):
            kills += kill(work, folder, generator.uniform(0, took))
        done(work, folder)
        try:
            same(folder)
        except AssertionError as error:
            differing += 1
            print(f"{what} {number} differs: {error}")
    return Killed(what, runs, kills, round(took, 2), differing)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tournaments", type=int, default=50)
    asked.add_argument("--trainings", type=int, default=30)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--json", type=Path)
    options = asked.parse_args()
    half = options.trainings // 2
    kinds = (
        (f"tournament of {AGENTS}", play, same_tournament, options.tournaments),
        ("training of nano", train_nano, same_training, options.trainings - half),
        ("training of a dqn", train_dqn, same_training, half),
    )
    rows = []
    for what, work, same, runs in kinds:
        with TemporaryDirectory() as scratch:
            generator = random.Random(f"{options.seed} {what}")
            rows.append(killed(what, work, same, runs, generator, Path(scratch)))
            print(rows[-1], flush=True)
    table = Table("what", "runs", "kills that hit", "s undisturbed", "differing", box=None)
    for row in rows:
        table.add_row(*map(str, asdict(row).values()))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    raise SystemExit(any(row.differing for row in rows))


if __name__ == "__main__":
    main()
