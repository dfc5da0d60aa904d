"""What a second worker brings: whole tournaments of scripted players, on two workers and on one.

Both play the same matches and come to the same file. Starting the workers is part of it, and so is the one
process that writes. Seconds are those of the wall: two cores without other work are needed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from arena.tournament.plan import Tournament
from arena.tournament.run import run
from tests.benchmarks.measure import Work

SEEDS = 1_000


def two_workers() -> Work:
    return Work(
        name="a tournament of snake-duel, random and search, two workers",
        unit="episodes/s",
        ours=lambda: _played(2),
        peer="one worker",
        theirs=lambda: _played(1),
        reach=1.8,
        aim=1.9,
    )


def _played(workers: int) -> int:
    """Play them all into a fresh folder; returns how many episodes there were."""
    folder = Path(mkdtemp())
    try:
        tournament = Tournament.of("snake-duel", "a=random,b=search", folder / "run", matches=SEEDS)
        run(tournament, workers=workers)
        return len(tournament.schedule())
    finally:
        shutil.rmtree(folder)
