"""The learning curves of the agents that a tournament trained, read from their run folders."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from arena.training.run_folder import RunFolder
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


def draw_curve(run: RunFolder) -> None:
    """Write `curve.png`: returns in training and on held-out episodes, and held-out success."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = run.metrics()
    config = run.config()
    figure, (returns, success) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for axis, key, label in (
        (returns, "train/return", "training"),
        (returns, "eval/return", "held-out"),
        (success, "train/success", "training"),
        (success, "eval/success", "held-out"),
    ):
        points = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
        if points:
            held_out = key.startswith("eval")
            axis.plot(*zip(*points, strict=True), marker="o" if held_out else None, ms=4, label=label)
    returns.set_title(f"{config['agent']} on {config['game']}, seed {config['seed']}")
    returns.set_ylabel("mean return")
    success.set_ylabel("success rate")
    success.set_xlabel("step")
    success.set_ylim(-0.02, 1.02)
    for axis in (returns, success):
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(run.path / "curve.png", dpi=120)
    pyplot.close(figure)


def comparison(folders: Sequence[Path], metric: str) -> Table:
    """One row a step at which all runs were measured, one column a run, and their mean.

    Raises UsageError if a folder holds no run, or the runs share no step with this metric.
    """
    curves = [_measured(RunFolder.open(folder), metric) for folder in folders]
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not shared:
        raise UsageError(f"these runs share no step with {metric!r}; try --metric eval/return")
    table = Table(box=None, pad_edge=False)
    for header in ("step", *(folder.name for folder in folders), "mean"):
        table.add_column(Text(header), justify="right")
    for step in shared:
        values = [curve[step] for curve in curves]
        table.add_row(str(step), *(f"{value:.3f}" for value in (*values, sum(values) / len(values))))
    return table


def _measured(run: RunFolder, metric: str) -> dict[int, float]:
    return {row["step"]: row[metric] for row in run.metrics() if row.get(metric) is not None}
