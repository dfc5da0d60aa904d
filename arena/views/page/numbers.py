"""Numbers as the page prints them; what is not known is a dash."""

from __future__ import annotations

UNKNOWN = "–"


def fixed(value: float | None, digits: int) -> str:
    """So many digits after the point, with a true minus and without a negative zero."""
    if value is None:
        return UNKNOWN
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share from 0 to 1."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def thousands(count: int | None) -> str:
    """A count in groups of three digits."""
    return UNKNOWN if count is None else f"{count:,}"


def dollars(cost: float | None) -> str:
    """An amount in USD; small ones to a hundredth of a cent."""
    if cost is None:
        return UNKNOWN
    return f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}"


def speed(rate: float | None) -> str:
    """Decisions a second, to the precision that such a measurement has."""
    if rate is None:
        return UNKNOWN
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
