"""What an agent did in one game, apart from how it ranks: returns, successes, replies, time, errors."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from arena_leaderboard.model.means import Interval, share_ci95
from arena_leaderboard.results import MatchResult


@dataclass(slots=True)
class Tally:
    """Sums over an agent's rated seats in one game, the matches it forfeited and those that failed."""

    returns: list[float] = field(default_factory=list)
    successes: int = 0
    invalid: int = 0
    invalid_at_first: int = 0
    decisions: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))
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
    def success_ci95(self) -> Interval | None:
        """Wilson's interval of the success rate; None where there is no rated episode."""
        return share_ci95(self.successes, len(self.returns)) if self.returns else None

    @property
    def invalid_rate(self) -> float | None:
        return ratio(self.invalid, self.decisions)

    @property
    def first_invalid_rate(self) -> float | None:
        return ratio(self.invalid_at_first, self.decisions)


def ratio(part: float, whole: float) -> float | None:
    """part / whole, or None where there is nothing to divide by."""
    return part / whole if whole else None
