"""Numbers as the leaderboard writes them."""


def fixed(value: float, digits: int) -> str:
    """So many digits after the point; what rounds to −0.00 is 0.00."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def around(mean: float, interval: tuple[float, float], digits: int, plus_minus: str, dash: str) -> str:
    """The interval beside its mean: `±0.12` where it is even, else its ends."""
    low, high = (fixed(end, digits) for end in interval)
    half = fixed(interval[1] - mean, digits)
    even = half == fixed(mean - interval[0], digits)
    return f"{plus_minus}{half}" if even else f"{low} {dash} {high}"


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1."""
    return f"{100 * share:.{digits}f}%"


def speed(rate: float) -> str:
    """Decisions a second, to the precision that such a measurement has."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
