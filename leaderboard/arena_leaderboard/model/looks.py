"""What a look at growing results may call settled, when who looks stops as soon as something is.

The looks share the 5 %: look r asks for the level 1 − 0.05 / (r (r + 1)), and 0.05 (1/2 + 1/6 + 1/12 + …) is
0.05, however many looks there are (alpha spending; Lan and DeMets 1983).
"""

from dataclasses import replace

from arena_leaderboard.model.quantiles import normal_reach
from arena_leaderboard.model.ratings import Difference

ALPHA = 0.05


def level(look: int) -> float:
    """The level of the intervals at a look, counted from 1."""
    return 1 - ALPHA / (look * (look + 1))


def stretched(gap: Difference, level: float) -> Difference:
    """The difference with its interval at another level, stretched as a normal distribution's would be.

    No affordable number of resampled tournaments shows the last thousandth.
    """
    stretch = normal_reach(level) / normal_reach(gap.level)
    low, high = gap.points - stretch * (gap.points - gap.low), gap.points + stretch * (gap.high - gap.points)
    return replace(gap, low=low, high=high, level=level)
