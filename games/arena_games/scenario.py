"""Checks of a scenario's numbers: what a game cannot be played with is one line, when it is made."""

from __future__ import annotations

import math

from arena_games.base import UsageError

LARGEST_BOARD = 50  # cells a side: its drawing is 5,000 characters
LONGEST_GAME = 100_000  # moves


def check_whole(name: str, value: object, least: int, most: int) -> None:
    """Raises UsageError unless `value` is an integer from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least} to {most}, not {value!r}")


def check_number(name: str, value: object, least: float = -math.inf, most: float = math.inf) -> None:
    """Raises UsageError unless `value` is a finite number from `least` to `most`."""
    real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not real or not least <= float(value) <= most:  # type: ignore[arg-type]
        bounds = "" if math.isinf(least) and math.isinf(most) else f" from {least:g} to {most:g}"
        raise UsageError(f"{name} must be a finite number{bounds}, not {value!r}")
