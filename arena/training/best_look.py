"""Which look's policy is a run's `best`, read from its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from arena.training.metrics_file import is_number

Row = TypeVar("Row", bound=Mapping[str, Any])

CHOSEN_BY = ("eval/confirmed_return", "eval/return")


def best_look(rows: Sequence[Row]) -> Row | None:
    """The row with the highest held-out return, of equals the last; None where nothing was looked at.

    Where looks were confirmed on further episodes, these alone were kept, and by what they came to on all.
    """
    for metric in CHOSEN_BY:
        looks = [row for row in rows if is_number(row.get(metric))]
        if looks:
            return max(looks, key=lambda row: (row[metric], row["step"]))
    return None
