"""The leaderboard: one standing per agent, for each game and over all games.

>>> board = standings(results)
>>> board.games["snake"][0].rating.mean
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from arena_leaderboard.ratings import Rating, ratings
from arena_leaderboard.results import MatchResult
from arena_leaderboard.tally import Tally, mean_ci95, ratio


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent's row. What nothing rated speaks for is None: `rating` is None where `matches` is 0.

    `success_rate` and `invalid_rate` are shares, 0 to 1. `errors` counts the matches that ended in an
    error charged to this agent; they are not rated.
    """

    agent: str
    rating: Rating | None
    mean_return: float | None
    return_ci95: tuple[float, float] | None
    success_rate: float | None
    invalid_rate: float | None
    decisions_per_second: float | None
    errors: int

    @property
    def matches(self) -> int:
        """The rated matches it played."""
        return self.rating.matches if self.rating else 0

    def inseparable(self, other: "Standing | None") -> bool:
        """Whether both are rated and their 95 % intervals overlap: their order is not settled."""
        return bool(other and self.rating and other.rating and self.rating.overlaps(other.rating))

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values; None where there is nothing to tell, never NaN."""
        rating = self.rating
        return {
            "agent": self.agent,
            "rating": rating and rating.mean,
            "low": rating and rating.low,
            "high": rating and rating.high,
            "matches": self.matches,
            "mean_return": self.mean_return,
            "return_ci95": list(self.return_ci95 or (None, None)),
            "success_rate": self.success_rate,
            "invalid_rate": self.invalid_rate,
            "decisions_per_second": self.decisions_per_second,
            "errors": self.errors,
        }


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Standings over all games and per game, best first; agents without a rated match come last."""

    overall: tuple[Standing, ...]
    games: dict[str, tuple[Standing, ...]]

    def to_json(self) -> dict[str, Any]:
        """`{"overall": [row…], "games": {name: [row…]}}`; the rows as `Standing.to_json` gives them."""
        return {
            "overall": [standing.to_json() for standing in self.overall],
            "games": {game: [standing.to_json() for standing in rows] for game, rows in self.games.items()},
        }


def standings(results: Iterable[MatchResult], *, bootstraps: int = 200, seed: int = 0) -> Leaderboard:
    """The leaderboard of a tournament's results, in whatever order they come.

    `bootstraps` and `seed` are those of `ratings`, and ValueError is raised as there. Return, success
    and invalid rate are means over an agent's episodes in a game; overall, means over its games.
    """
    results = list(results)
    by_game: dict[str, list[MatchResult]] = defaultdict(list)
    for result in results:
        by_game[result.game].append(result)
    tallies = {game: _tallies(by_game[game]) for game in sorted(by_game)}
    games = {
        game: _ranked([tallies[game]], ratings(by_game[game], bootstraps=bootstraps, seed=seed))
        for game in tallies
    }
    overall = _ranked(list(tallies.values()), ratings(results, bootstraps=bootstraps, seed=seed))
    return Leaderboard(overall, games)


def _tallies(results: Iterable[MatchResult]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for result in results:
        if result.rated:
            for seat, agent in enumerate(result.players):
                tallies[agent].add(result, seat)
        else:
            for agent in {*result.players, *filter(None, [result.culprit])}:
                tallies[agent].errors += agent == result.culprit
    return dict(tallies)


def _ranked(games: Sequence[dict[str, Tally]], rated: dict[str, Rating]) -> tuple[Standing, ...]:
    agents = set().union(*games)
    rows = [
        _standing(agent, rated.get(agent), [tallies[agent] for tallies in games if agent in tallies])
        for agent in agents
    ]
    return tuple(sorted(rows, key=_best_first))


def _best_first(standing: Standing) -> tuple[bool, float, str]:
    rating = standing.rating
    return rating is None, -rating.mean if rating else 0.0, standing.agent


def _standing(agent: str, rating: Rating | None, tallies: Sequence[Tally]) -> Standing:
    """One row from the agent's tallies, one per game; games weigh equally in every mean."""
    returns = [tally.returns for tally in tallies if tally.returns]
    mean_return, return_ci95 = mean_ci95(*returns) if returns else (None, None)
    seconds = math.fsum(second for tally in tallies for second in tally.seconds)
    return Standing(
        agent=agent,
        rating=rating,
        mean_return=mean_return,
        return_ci95=return_ci95,
        success_rate=_mean_of_known(tally.success_rate for tally in tallies),
        invalid_rate=_mean_of_known(tally.invalid_rate for tally in tallies),
        decisions_per_second=ratio(sum(tally.decisions for tally in tallies), seconds),
        errors=sum(tally.errors for tally in tallies),
    )


def _mean_of_known(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return ratio(math.fsum(known), len(known))
