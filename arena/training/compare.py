"""Several runs' held-out scores beside each other, step by step: the learning curve as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from arena.training.run import RunFolder
from arena_games.base import UsageError


def comparison(folders: Sequence[Path], metric: str) -> Table:
    """One row a step at which all runs were measured, one column a run, and their mean.

    Raises UsageError if a folder holds no run, or the runs share no step with this metric.
    """
    curves = [_curve(RunFolder.open(folder), metric) for folder in folders]
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


def _curve(run: RunFolder, metric: str) -> dict[int, float]:
    return {row["step"]: row[metric] for row in run.metrics() if row.get(metric) is not None}
