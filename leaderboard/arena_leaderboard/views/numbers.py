"""Numbers as the leaderboard writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena_leaderboard.model.ratings import Rating


def fixed(value: float, digits: int) -> str:
    """So many digits after the point; what rounds to −0.00 is 0.00."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def around(mean: float, interval: tuple[float, float], digits: int, plus_minus: str, dash: str) -> str:
    """The interval beside its mean: `±0.12` where it is even, else its ends."""
    low, high = (fixed(end, digits) for end in interval)
    half = fixed(interval[1] - mean, digits)
    even = half == fixed(mean - interval[0], digits)
    return f"{plus_minus}{half}" if even else f"{low} {dash} {high}"


def span(rating: Rating, between: str, least: str = "≥", most: str = "≤") -> str:
    """A rating's interval: `812 – 1031`, or with an open end `≥ 812`, `≤ 1031`."""
    return between_ends(rating.ends, between, least, most)


def between_ends(
    ends: tuple[float | None, float | None], between: str, least: str = "≥", most: str = "≤"
) -> str:
    """The same of an interval's ends, None for an open one."""
    low, high = ends
    if low is None or high is None:
        return "open" if low == high else f"{least} {low:.0f}" if high is None else f"{most} {high:.0f}"
    return f"{low:.0f}{between}{high:.0f}"


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1."""
    return f"{100 * share:.{digits}f}%"


def speed(rate: float) -> str:
    """Decisions a second, to the precision that such a measurement has."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
