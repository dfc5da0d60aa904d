"""Numbers as the leaderboard writes them."""


def fixed(value: float, digits: int) -> str:
    """So many digits after the point; what rounds to −0.00 is 0.00."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1."""
    return f"{100 * share:.{digits}f}%"


def speed(rate: float) -> str:
    """Decisions a second, to the precision that such a measurement has."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
