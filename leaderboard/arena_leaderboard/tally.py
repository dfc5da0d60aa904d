"""What an agent did in one game, apart from how it ranks: returns, successes, replies, time, errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from arena_leaderboard.model.quantiles import normal_reach
from arena_leaderboard.results import MatchResult


@dataclass(slots=True)
class Tally:
    """Sums over an agent's rated seats in one game, the matches it forfeited and those that failed."""

    returns: list[float] = field(default_factory=list)
    successes: int = 0
    invalid: int = 0
    invalid_at_first: int = 0
    decisions: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: int = 0
    forfeits: int = 0

    def add(self, result: MatchResult, seat: int) -> None:
        """Count one seat of a rated match."""
        self.returns.append(result.returns[seat])
        self.successes += result.successes[seat]
        self.invalid += result.invalid[seat]
        self.invalid_at_first += result.invalid_at_first[seat]
        self.decisions += result.decisions[seat]
        self.seconds.append(result.seconds[seat])

    @property
    def success_rate(self) -> float | None:
        return ratio(self.successes, len(self.returns))

    @property
    def invalid_rate(self) -> float | None:
        return ratio(self.invalid, self.decisions)

    @property
    def first_invalid_rate(self) -> float | None:
        return ratio(self.invalid_at_first, self.decisions)


def ratio(part: float, whole: float) -> float | None:
    """part / whole, or None where there is nothing to divide by."""
    return part / whole if whole else None


def mean_ci95(*samples: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The mean of the samples' means, and its 95 % interval: samples (games) weigh equally.

    The interval is the normal approximation over episodes: 1.96 standard errors either way. A sample
    of one episode shows no spread and adds none, so a single episode x gives (x, (x, x)).
    Raises ValueError if there is no sample, or an empty one.
    """
    if not samples or not all(samples):
        raise ValueError("a mean needs at least one episode in every sample")
    mean = _mean([_mean(sample) for sample in samples])
    half = (
        normal_reach(0.95) * math.sqrt(math.fsum(_squared_error(sample) for sample in samples)) / len(samples)
    )
    return mean, (mean - half, mean + half)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)  # fsum is exact: the order of the episodes does not matter


def _squared_error(values: Sequence[float]) -> float:
    """The variance of the mean: s² / n."""
    centre, freedom = _mean(values), max(len(values) - 1, 1)
    return math.fsum((value - centre) ** 2 for value in values) / freedom / len(values)
