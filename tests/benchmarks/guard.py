"""Does the guard step back by chance? Trainings by their defaults, and how often each of them stepped back.

    python -m tests.benchmarks.guard [--games GAMES] [--seeds 8] [--out runs/guard] [--json FILE]

trains `nano` with its defaults on frozen-lake, snake and snake-duel, 24 runs by default, and prints one row
each: the mean return on the 50 held-out episodes before, at its best, and over the last three looks; how
often the run stepped back; and whether it collapsed, which is to have lost half of its best gain in the end.
A run that is there already is not trained again, one that was interrupted goes on.
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


def trained(game: str, seed: int, out: Path) -> Guarded:
    """Train, or go on, or read what was trained."""
    run = out / f"{game}-{seed}"
    if not (run / "last").is_dir():
        if (run / "config.json").is_file():
            train(resume=run)
        else:
            train(game, "nano", out=run, seed=seed)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return Guarded.of(game, seed, rows)


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
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("runs/guard"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[Guarded] = []
    for seed in range(options.seeds):  # by seeds, so that a part of it speaks of every game
        for game in options.games.split(","):
            found.append(trained(game, seed, options.out))
            Console().print(f"{game} {seed}: {found[-1].rollbacks} steps back", highlight=False)
    Console().print(table(sorted(found, key=lambda one: (one.game, one.seed))))
    print(
        f"{sum(one.collapsed for one in found)} collapsed, {sum(one.rollbacks for one in found)} steps back"
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
