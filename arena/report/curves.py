"""The learning curves of the agents that a tournament trained, read from their run folders."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.training.run import RunFolder
from arena_games.base import UsageError

Points = tuple[tuple[int, float], ...]  # (episodes played so far, mean return)


@dataclass(frozen=True, slots=True)
class Curve:
    """One training run: the mean return on held-out episodes and on those it learned from.

    `episodes` is how many it has learned from, which algorithms with steps of unlike size share.
    """

    name: str
    agent: str
    game: str
    algorithm: str
    held_out: Points
    training: Points

    @property
    def episodes(self) -> int:
        """How far it has come."""
        return max((episodes for episodes, _ in (*self.held_out, *self.training)), default=0)

    @property
    def milestones(self) -> tuple[float | None, float | None, float | None]:
        """The first, the highest and the last mean return on held-out episodes."""
        values = [value for _, value in self.held_out]
        return (values[0], max(values), values[-1]) if values else (None, None, None)


def learning_curves(folder: Path) -> list[Curve]:
    """The curves under a tournament's folder by game and name, those of trainings under way too."""
    found = (_curve(path.parent) for path in sorted((folder / "agents").glob("*/config.json")))
    return sorted((curve for curve in found if curve), key=lambda curve: (curve.game, curve.name))


def _curve(path: Path) -> Curve | None:
    """None for a folder that holds no measured run, or one that cannot be read."""
    run = RunFolder(path)
    try:
        config, rows = run.config(), run.metrics()
        agent, game, algorithm = (str(config.get(key, "?")) for key in ("agent", "game", "algorithm"))
        held_out, training = _points(rows, "eval/return"), _points(rows, "train/return")
    except (UsageError, OSError, ValueError, TypeError, AttributeError):
        return None
    if not held_out and not training:
        return None
    return Curve(path.name, agent, game, algorithm, held_out, training)


def _points(rows: Iterable[dict[str, Any]], metric: str) -> Points:
    """The finite values of a metric; a row without it was logged between two measurements."""
    pairs = [(row.get("episodes"), row.get(metric)) for row in rows]
    known = [(int(at), float(value)) for at, value in pairs if at is not None and value is not None]
    return tuple((at, value) for at, value in known if math.isfinite(value))
