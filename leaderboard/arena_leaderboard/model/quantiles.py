"""How far a normal or a Student's t distribution reaches, from the standard library and from scipy.

scipy is imported when a quantile of Student's t is first asked for: `arena list` and `arena eval` need none,
and it would be a quarter of their start.
"""

from functools import lru_cache
from statistics import NormalDist

from arena_leaderboard.model.plackett_luce import Floats


@lru_cache(maxsize=1_000)
def normal_reach(level: float) -> float:
    """How many standard deviations either way hold this share, 0 to 1, of a normal distribution."""
    return NormalDist().inv_cdf((1 + level) / 2)


def student_reach(level: float, freedom: float) -> float:
    """The same of Student's t with so many degrees of freedom, which need not be whole."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


@lru_cache(maxsize=10_000)
def poisson_limits(events: float, level: float) -> tuple[float, float]:
    """The interval for the mean of so many Poisson events, which need not be whole (Garwood 1936)."""
    from scipy.special import gammaincinv

    outside = (1 - level) / 2
    low = float(gammaincinv(events, outside)) if events > 0 else 0.0
    return low, float(gammaincinv(events + 1, 1 - outside))


def normal_share_below(values: Floats) -> Floats:
    """The share of a standard normal distribution below each value; any shape."""
    from scipy.special import ndtr

    shares: Floats = ndtr(values)
    return shares
