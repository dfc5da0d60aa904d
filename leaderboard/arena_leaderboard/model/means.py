"""Means and shares with 95 % intervals that hold at the edge too: no loss in 20 is not a loss never.

A share's interval is Wilson's (1927), and so is that of returns of which only two were seen, between the two.
Returns of many kinds have the normal approximation; where all are equal they show no spread, and what may
have been missed is bounded by what a share of none leaves open. Means of several samples (games) combine
the distances to their samples' ends, each side for itself (Zou and Donner 2008).
"""

import math
from collections.abc import Sequence

from arena_leaderboard.model.quantiles import normal_reach

LEVEL = 0.95

Interval = tuple[float, float]


def share_ci95(part: int, whole: int) -> Interval:
    """Wilson's interval of a share, 0 to 1. Raises ValueError where there is nothing to divide by."""
    return share_interval(part, whole, LEVEL)


def share_interval(part: float, whole: int, level: float) -> Interval:
    """The same at another level. A tie may count half: `part` need not be whole."""
    if not 0 <= part <= whole or not whole:
        raise ValueError(f"a share needs 0 ≤ part ≤ whole and a whole, got {part} of {whole}")
    share, reach = part / whole, normal_reach(level) ** 2 / whole
    centre = (share + reach / 2) / (1 + reach)
    half = math.sqrt(reach * share * (1 - share) + reach**2 / 4) / (1 + reach)
    # The ends are exactly 0 and 1 there, whatever rounding says.
    return (centre - half if part else 0.0), (centre + half if part < whole else 1.0)


def mean_ci95(
    *samples: Sequence[float], spans: Sequence[Interval | None] = ()
) -> tuple[float, Interval | None]:
    """The mean of the samples' means, and its 95 % interval: samples (games) weigh equally.

    `spans` are the least and the greatest value that a sample could have held, as far as is known, one for
    each. The interval is None where a sample's values are all equal and nothing says what else could be.
    Raises ValueError if there is no sample, or an empty one.
    """
    if not samples or not all(samples):
        raise ValueError("a mean needs at least one episode in every sample")
    known = [*spans, *[None] * (len(samples) - len(spans))]
    found = [_interval(sample, span) for sample, span in zip(samples, known, strict=True)]
    return equal_mean([_mean(sample) for sample in samples], found)


def paired_ci95(differences: Sequence[float], span: Interval | None = None) -> tuple[float, Interval | None]:
    """The mean of paired differences and its 95 % interval; `span` is that of a single value.

    Where a pair differs by one amount, up or down, or not at all, the interval is Bonett and Price's (2012):
    Wald's after adding a pair to either kind. Else as `mean_ci95`. Raises ValueError for no pair.
    """
    amounts, count = {abs(difference) for difference in differences} - {0.0}, len(differences)
    if span is not None and span[0] != span[1]:
        amounts.add(span[1] - span[0])
    if not differences or len(amounts) != 1:
        width = max(amounts, default=0.0)
        return mean_ci95(differences, spans=[(-width, width)])
    (amount,) = amounts
    up = (sum(difference > 0 for difference in differences) + 1) / (count + 2)
    down = (sum(difference < 0 for difference in differences) + 1) / (count + 2)
    half = normal_reach(LEVEL) * math.sqrt((up + down - (up - down) ** 2) / (count + 2))
    ends = max(up - down - half, -1.0), min(up - down + half, 1.0)
    return _mean(differences), (amount * ends[0], amount * ends[1])


def equal_mean(means: Sequence[float], intervals: Sequence[Interval | None]) -> tuple[float, Interval | None]:
    """The mean of independent means that weigh equally, and its interval; None where one has none."""
    mean, ends = _mean(means), [interval for interval in intervals if interval is not None]
    if len(ends) < len(means):
        return mean, None
    below = math.fsum((m - low) ** 2 for m, (low, _) in zip(means, ends, strict=True))
    above = math.fsum((high - m) ** 2 for m, (_, high) in zip(means, ends, strict=True))
    return mean, (mean - math.sqrt(below) / len(means), mean + math.sqrt(above) / len(means))


def _interval(sample: Sequence[float], span: Interval | None) -> Interval | None:
    low, high = min(sample), max(sample)
    if low == high:
        return _of_equals(low, len(sample), span)
    if all(value in (low, high) for value in sample):
        part = share_ci95(sum(value == high for value in sample), len(sample))
        return low + (high - low) * part[0], low + (high - low) * part[1]
    mean = _mean(sample)
    half = normal_reach(LEVEL) * math.sqrt(
        math.fsum((value - mean) ** 2 for value in sample) / (len(sample) - 1) / len(sample)
    )
    return mean - half, mean + half


def _of_equals(value: float, count: int, span: Interval | None) -> Interval | None:
    """Of so many equal values: another may come as often as a share of none of them leaves open."""
    if span is None or span[0] == span[1]:
        return None
    _, missed = share_ci95(0, count)
    return value - missed * max(value - span[0], 0.0), value + missed * max(span[1] - value, 0.0)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)  # fsum is exact: the order of the episodes does not matter
