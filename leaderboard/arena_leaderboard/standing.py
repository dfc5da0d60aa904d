"""One agent's row of the leaderboard."""

from dataclasses import dataclass
from typing import Any

from arena_leaderboard.ratings import Difference, Rating


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent's row. What nothing rated speaks for is None: `rating` is None where `matches` is 0.

    `success_rate` and `invalid_rate` are shares, 0 to 1. `errors` counts the matches that ended in an
    error charged to this agent; they are not rated. `forfeits` counts the rated ones that it gave away
    by invalid replies.

    `lead` is the 95 % difference by which the agent one rank above leads this one; None for the first
    and the unrated. `clean` is the rating over the matches in which no rated seat gave an invalid
    reply; None where those are all the matches there are, or the agent has none.
    """

    agent: str
    rating: Rating | None
    mean_return: float | None
    return_ci95: tuple[float, float] | None
    success_rate: float | None
    invalid_rate: float | None
    decisions_per_second: float | None
    errors: int
    forfeits: int = 0
    clean: Rating | None = None
    lead: Difference | None = None

    @property
    def matches(self) -> int:
        """The rated matches it played."""
        return self.rating.matches if self.rating else 0

    @property
    def separated(self) -> bool | None:
        """Whether it is settled that the rank above is better; None for the first and the unrated."""
        return self.lead.separated if self.lead else None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values; None where there is nothing to tell, never NaN."""
        lead = self.lead
        return {
            "agent": self.agent,
            **_rating_json(self.rating, ""),
            "mean_return": self.mean_return,
            "return_ci95": list(self.return_ci95 or (None, None)),
            "success_rate": self.success_rate,
            "invalid_rate": self.invalid_rate,
            "decisions_per_second": self.decisions_per_second,
            "errors": self.errors,
            "forfeits": self.forfeits,
            **_rating_json(self.clean, "clean_"),
            "behind": lead and lead.points,
            "behind_ci95": [lead.low, lead.high] if lead else [None, None],
            "separated": self.separated,
        }


def _rating_json(rating: Rating | None, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}rating": rating and rating.mean,
        f"{prefix}low": rating and rating.low,
        f"{prefix}high": rating and rating.high,
        f"{prefix}matches": rating.matches if rating else 0,
    }
