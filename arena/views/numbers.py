"""Numbers as words.

On the page, where what is not known is a dash: `fixed`, `around`, `span`, `level`, `percent`, `thousands`,
`dollars`, `speed`. In a terminal: `compact`, `roughly`, `duration`, `clock`. The leaderboard's own:
`arena_leaderboard.views.numbers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena_leaderboard.views import numbers

if TYPE_CHECKING:
    from arena_leaderboard import Rating

UNKNOWN = "–"
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def fixed(value: float | None, digits: int) -> str:
    """So many digits after the point, with a true minus and without a negative zero."""
    return UNKNOWN if value is None else numbers.fixed(value, digits).replace("-", "−")


def around(mean: float, interval: tuple[float, float], digits: int) -> str:
    """The interval beside its mean: `± 0.12` where it is even, else its ends."""
    return numbers.around(mean, interval, digits, "± ", "–").replace("-", "−")


def span(rating: Rating) -> str:
    """A rating's interval: `812 – 1031`, or with an open end `≥ 812`, `≤ 1031`."""
    return numbers.span(rating, " – ").replace("-", "−")


def level(share: float) -> str:
    """The level of an interval: `95 %`, `99.17 %`."""
    return percent(share, 0 if round(share, 4) == round(share, 2) else 2)


def percent(share: float | None, digits: int = 1) -> str:
    """A share from 0 to 1, with a space before the sign."""
    return UNKNOWN if share is None else f"{100 * share:.{digits}f} %"


def thousands(count: int | None) -> str:
    """A count in groups of three digits."""
    return UNKNOWN if count is None else f"{count:,}"


def dollars(cost: float | None, *, cents: bool = False) -> str:
    """An amount in USD; small ones to a hundredth of a cent, unless all are wanted to the cent."""
    if cost is None:
        return UNKNOWN
    return f"${cost:,.4f}" if cost < 1 and not cents else f"${cost:,.2f}"


def speed(rate: float | None) -> str:
    """Decisions a second, to the precision that such a measurement has."""
    return UNKNOWN if rate is None else numbers.speed(rate)


def compact(count: int) -> str:
    """A count in at most five characters, three digits of it: 3.64k."""
    for scale, unit in UNITS:
        if count >= 0.9995 * scale:
            return f"{count / scale:.3g}{unit}" if count < 999.5 * scale else f"{count / scale:.0f}{unit}"
    return str(count)


def roughly(value: float) -> str:
    """A forecast count: whole below 10,000, then in thousands and more: 12.3k."""
    for scale, unit in UNITS:
        if value >= 10 * scale:
            return f"{value / scale:,.{0 if value >= 100 * scale else 1}f}{unit}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it: 4.2 s, 12.5 min, 3.1 h."""
    if seconds < 60:
        return f"{seconds:.{0 if seconds >= 10 else 1}f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def clock(seconds: float) -> str:
    """A running time as a clock shows it: 0:07, 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
