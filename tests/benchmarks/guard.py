"""Does the guard step back by chance? Trainings by their defaults, and how often each of them stepped back.

    python -m tests.benchmarks.guard [--games GAMES] [--seeds 0-7] [--out runs/guard] [--json FILE] [--show]

trains `nano` with its defaults on frozen-lake, snake and snake-duel, 24 runs by default, and prints one row
each: the mean return on the 50 held-out episodes before, at its best, and over the last three looks; how
often the run stepped back; and whether it collapsed, which is to have lost half of its best gain in the end.
A run that is there already is not trained again, one that was interrupted goes on, so the 24 may be had in
parts: the table and the file, written after each run, are of all that have ended. `--show` only shows them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from arena import train

GAMES = "frozen-lake,snake,snake-duel"
LAST = 3  # looks that the end is a mean of: one alone is chance


@dataclass(frozen=True, slots=True)
class Guarded:
    """A training: its held-out returns, how often it stepped back, and whether half of its gain is lost."""

    game: str
    seed: int
    updates: int
    start: float
    best: float
    end: float
    rollbacks: int
    collapsed: bool

    @classmethod
    def of(cls, game: str, seed: int, rows: Sequence[dict[str, Any]]) -> Guarded:
        """From the rows of metrics."""
        looks = [float(row["eval/return"]) for row in rows if row.get("eval/return") is not None]
        start, best, end = looks[0], max(looks), fmean(looks[1:][-LAST:] or looks)
        stepped = int(rows[-1].get("rollbacks") or 0)
        return cls(game, seed, rows[-1]["step"], start, best, end, stepped, end < best - 0.5 * (best - start))


def folder(out: Path, game: str, seed: int) -> Path:
    """Where a run lies."""
    return out / f"{game}-{seed}"


def ensure_trained(game: str, seed: int, run: Path) -> None:
    """Train, or go on, unless it has ended."""
    if (run / "last").is_dir():
        return
    if (run / "config.json").is_file():
        train(resume=run)
    else:
        train(game, "nano", out=run, seed=seed)


def ended(out: Path, games: Sequence[str]) -> list[Guarded]:
    """All runs of these games that have ended, whoever trained them, by game and seed."""
    found = []
    for game in games:
        for run in out.glob(f"{game}-*"):
            seed = run.name.removeprefix(f"{game}-")
            if seed.isdecimal() and (run / "last").is_dir():
                text = (run / "metrics.jsonl").read_text(encoding="utf-8")
                found.append(Guarded.of(game, int(seed), [json.loads(line) for line in text.splitlines()]))
    return sorted(found, key=lambda one: (one.game, one.seed))


def seeds_of(text: str) -> range:
    """`3-5` is 3, 4 and 5; `3` is 3 alone. Raises ValueError for anything else."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def table(found: Sequence[Guarded]) -> Table:
    """A row a run."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("game", "seed", "updates", "start", "best", "end", "steps back", "collapsed"):
        shown.add_column(heading, justify="left" if heading == "game" else "right")
    for one in found:
        values = (f"{value:.3f}" for value in (one.start, one.best, one.end))
        ended = "yes" if one.collapsed else "no"
        shown.add_row(one.game, str(one.seed), str(one.updates), *values, str(one.rollbacks), ended)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--games", default=GAMES)
    parser.add_argument("--seeds", type=seeds_of, default=range(8))
    parser.add_argument("--out", type=Path, default=Path("runs/guard"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    games = options.games.split(",")
    for seed in () if options.show else options.seeds:  # by seeds, so that a part of it speaks of every game
        for game in games:
            ensure_trained(game, seed, folder(options.out, game, seed))
            write(options.json, ended(options.out, games))
    found = ended(options.out, games)
    write(options.json, found)
    Console().print(table(found))
    collapsed, back = sum(one.collapsed for one in found), sum(one.rollbacks for one in found)
    print(f"{len(found)} runs: {collapsed} collapsed, {back} steps back")


def write(file: Path | None, found: Sequence[Guarded]) -> None:
    """The rows as JSON, where a file is asked for."""
    if file:
        file.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
