"""One agent's row of a leaderboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_leaderboard.model.looks import stretched
from arena_leaderboard.model.means import Interval
from arena_leaderboard.model.ranks import Ranks
from arena_leaderboard.model.ratings import LEVEL, Difference, Rating

LEFT_OUT = 0.1  # of an agent's matches, from which on `clean` is marked as a selection


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent's row. What nothing rated speaks for is None: `rating` is None where `matches` is 0.

    `success_rate` and `invalid_rate` are shares, 0 to 1. `errors` counts the matches that a failure outside
    this agent ended, such as its server's; they are not rated. `forfeits` counts the rated ones that it gave
    away, by its own failure or by invalid replies. Where agents are asked again after an invalid reply,
    `invalid_rate` counts the decisions that were invalid after all, and `first_invalid_rate` those whose
    first reply was.

    `return_ci95` is None where all its episodes returned the same and so did everybody else's.

    `lead` is the 95 % difference by which the agent one rank above leads this one; None for the first
    and the unrated. `level` is the one at which it is called settled, higher where looks share the 5 %.
    `ranks` are the best and the worst rank that remain to it when all are compared with all (`model.ranks`).
    `clean` is the rating over the matches in which no rated seat gave an invalid reply or forfeited; None
    where those are all the matches there are, or the agent has none. An agent that fails or stumbles when it
    is about to lose is better in it than it plays: see `clean_is_a_selection`. `games_mean`, overall, is
    the plain mean of the agent's ratings in the games; None where only one game is rated.
    """

    agent: str
    rating: Rating | None
    mean_return: float | None
    return_ci95: Interval | None
    success_rate: float | None
    invalid_rate: float | None
    decisions_per_second: float | None
    errors: int
    forfeits: int = 0
    clean: Rating | None = None
    lead: Difference | None = None
    first_invalid_rate: float | None = None
    success_ci95: Interval | None = None
    level: float = LEVEL
    ranks: Ranks | None = None
    games_mean: Rating | None = None

    @property
    def matches(self) -> int:
        """The rated matches it played."""
        return self.rating.matches if self.rating else 0

    @property
    def clean_is_a_selection(self) -> bool:
        """Whether `clean` leaves out a tenth or more of its matches: then it may tell of those it chose."""
        return self.clean is not None and self.clean.matches <= (1 - LEFT_OUT) * self.matches

    @property
    def asked_again(self) -> bool:
        """Whether first replies were more often invalid than those that were then played."""
        return self.first_invalid_rate != self.invalid_rate

    @property
    def separated(self) -> bool | None:
        """Whether the rank above is settled, at `level`, to be better; None for the first and the unrated."""
        return stretched(self.lead, self.level).separated if self.lead else None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values; None where there is nothing to tell, or an end is open, never NaN."""
        lead = self.lead
        return {
            "agent": self.agent,
            **_rating_json(self.rating, ""),
            "mean_return": self.mean_return,
            "return_ci95": list(self.return_ci95 or (None, None)),
            "success_rate": self.success_rate,
            "success_ci95": list(self.success_ci95 or (None, None)),
            "invalid_rate": self.invalid_rate,
            "first_invalid_rate": self.first_invalid_rate,
            "decisions_per_second": self.decisions_per_second,
            "errors": self.errors,
            "forfeits": self.forfeits,
            **_rating_json(self.clean, "clean_"),
            "behind": lead and lead.points,
            "behind_ci95": list(lead.ends if lead else (None, None)),
            "separated": self.separated,
            "ranks": list(self.ranks or (None, None)),
            **_rating_json(self.games_mean, "games_"),
        }


def _rating_json(rating: Rating | None, prefix: str) -> dict[str, Any]:
    low, high = rating.ends if rating else (None, None)
    return {
        f"{prefix}rating": rating and rating.mean,
        f"{prefix}low": low,
        f"{prefix}high": high,
        f"{prefix}matches": rating.matches if rating else 0,
    }
