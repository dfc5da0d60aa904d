"""The leaderboard of a stored tournament."""

from __future__ import annotations

from pathlib import Path

from arena.record.store import Store
from arena_leaderboard import Leaderboard, standings

__all__ = ["leaderboard"]


def leaderboard(run: Path | str) -> Leaderboard:
    """How the agents of the tournament in `run` rank by what is stored so far; it may still be running.

    Raises UsageError if the folder holds no tournament, or its file cannot be read.
    """
    with Store.read(Path(run)) as store:
        return standings(store.results())
