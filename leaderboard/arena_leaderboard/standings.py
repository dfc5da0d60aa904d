"""The leaderboard: one standing per agent, for each game and over all games.

>>> board = standings(results)
>>> board.games["snake"][0].rating.mean
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from arena_leaderboard.model.looks import stretched
from arena_leaderboard.model.means import Interval, equal_mean, mean_ci95
from arena_leaderboard.model.ranks import Ranks, rank_ranges
from arena_leaderboard.model.ratings import LEVEL, Difference, Fit, Rating, fit_tables
from arena_leaderboard.results import MatchResult
from arena_leaderboard.seat_effect import SeatEffect
from arena_leaderboard.sums import GameSums, Raced, by_seed
from arena_leaderboard.tally import Tally, ratio


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
    where those are all the matches there are, or the agent has none.
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

    @property
    def matches(self) -> int:
        """The rated matches it played."""
        return self.rating.matches if self.rating else 0

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
        }


def _rating_json(rating: Rating | None, prefix: str) -> dict[str, Any]:
    low, high = rating.ends if rating else (None, None)
    return {
        f"{prefix}rating": rating and rating.mean,
        f"{prefix}low": low,
        f"{prefix}high": high,
        f"{prefix}matches": rating.matches if rating else 0,
    }


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Standings over all games and per game, best first; agents without a rated match come last.

    `seats` holds the seats' effect in each versus game. `fits` holds the ratings' fit of each game, and
    under None the one over all games; a game without a rated match has none.
    """

    overall: tuple[Standing, ...]
    games: dict[str, tuple[Standing, ...]]
    seats: dict[str, tuple[SeatEffect, ...]] = field(default_factory=dict)
    fits: dict[str | None, Fit] = field(default_factory=dict, compare=False, repr=False)
    level: float = LEVEL

    def to_json(self) -> dict[str, Any]:
        """`{"overall": [row…], "games": {name: [row…]}, "seats": {name: [seat…]}, "level": 0.95}`.

        Rows are as `Standing.to_json` gives them, seats as `SeatEffect.to_json`.
        """
        return {
            "overall": [standing.to_json() for standing in self.overall],
            "games": {game: [standing.to_json() for standing in rows] for game, rows in self.games.items()},
            "seats": {game: [effect.to_json() for effect in effects] for game, effects in self.seats.items()},
            "level": self.level,
        }

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from arena_leaderboard.views.html import render_html  # a view, above this module

        return render_html(self)


def standings(
    results: Iterable[MatchResult], *, bootstraps: int = 200, seed: int = 0, level: float = LEVEL
) -> Leaderboard:
    """The leaderboard of a tournament's results, in whatever order they come.

    `level` is the one at which neighbouring ranks are called separated: who has looked before, and stops
    when they are, needs a higher one (see `model.looks`).
    `bootstraps` and `seed` are those of `fit_ratings`, and ValueError is raised as there. Return, success
    and invalid rate are means over an agent's episodes in a game; overall, means over its games.
    """
    return standings_by_seed(by_seed(results), bootstraps=bootstraps, seed=seed, level=level)


def standings_by_seed(
    results: Iterable[Sequence[MatchResult]],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    level: float = LEVEL,
) -> Leaderboard:
    """The same from all results of one game and seed at a time: only sums of them are held."""
    summed: dict[str, GameSums] = defaultdict(GameSums)
    for of_seed in results:
        summed[of_seed[0].game].add(of_seed)
    sums = {game: summed[game] for game in sorted(summed)}
    fits: dict[str | None, Fit] = {}

    def ranked(name: str | None, found: Mapping[str, GameSums]) -> tuple[Standing, ...]:
        fit = _fit([of.rated for of in found.values()], bootstraps, seed)
        if fit:
            fits[name] = fit
        rows = _ranked(
            {game: of.tallies for game, of in found.items()}, fit, _clean_ratings(found, bootstraps, seed)
        )
        ranks = rank_ranges(fit, level) if fit else {}
        return tuple(replace(row, level=level, ranks=ranks.get(row.agent)) for row in rows)

    overall = ranked(None, sums)
    games = {game: ranked(game, {game: of}) for game, of in sums.items()}
    effects = {game: of.seats.effects() for game, of in sums.items()}
    return Leaderboard(overall, games, {game: found for game, found in effects.items() if found}, fits, level)


def _fit(raced: Sequence[Raced], bootstraps: int, seed: int) -> Fit | None:
    matches = sum((of_game.matches for of_game in raced), Counter[str]())
    return fit_tables([of_game.table for of_game in raced], matches, bootstraps=bootstraps, seed=seed)


def differences(
    board: Leaderboard, game: str | None = None, *, level: float = LEVEL
) -> tuple[Difference, ...]:
    """By how much each rank of a game (None: overall) leads the next, best first, with intervals at `level`.

    Agents without a rated match are left out. Raises KeyError for an unknown game and ValueError for
    a level that is not between 0 and 1.
    """
    rows = board.overall if game is None else board.games[game]
    rated = [standing.agent for standing in rows if standing.rating]
    fit = board.fits.get(game)
    return tuple(fit.difference(*pair, level) for pair in pairwise(rated)) if fit else ()


def _clean_ratings(games: Mapping[str, GameSums], bootstraps: int, seed: int) -> dict[str, Rating]:
    """The ratings over the matches without an invalid reply or a forfeit; none where those are all."""
    if all(of.clean.results == of.rated.results for of in games.values()):
        return {}
    return _all_ratings(_fit([of.clean for of in games.values()], bootstraps, seed))


def _all_ratings(fit: Fit | None) -> dict[str, Rating]:
    return {agent: fit.rating(agent) for agent in fit.agents} if fit else {}


def _ranked(
    games: Mapping[str, dict[str, Tally]], fit: Fit | None, clean: dict[str, Rating]
) -> tuple[Standing, ...]:
    """The rows of the agents with a tally in any of the games, best first."""
    rated, spans = _all_ratings(fit), {game: _span(tallies.values()) for game, tallies in games.items()}
    rows = sorted(
        (
            replace(
                _standing(agent, {game: of[agent] for game, of in games.items() if agent in of}, spans),
                rating=rated.get(agent),
                clean=clean.get(agent),
            )
            for agent in set().union(*games.values())
        ),
        key=_best_first,
    )
    return (*rows[:1], *(_led(below, above, fit) for above, below in pairwise(rows)))


def _span(tallies: Iterable[Tally]) -> Interval:
    """The least and the greatest return of all."""
    returns = [value for tally in tallies for value in tally.returns]
    return min(returns, default=0.0), max(returns, default=0.0)


def _led(standing: Standing, above: Standing, fit: Fit | None) -> Standing:
    if fit is None or standing.rating is None:
        return standing
    return replace(standing, lead=fit.difference(above.agent, standing.agent))


def _best_first(standing: Standing) -> tuple[bool, float, str]:
    rating = standing.rating
    return rating is None, -rating.mean if rating else 0.0, standing.agent


def _standing(agent: str, tallies: Mapping[str, Tally], spans: Mapping[str, Interval]) -> Standing:
    """One row from the agent's tallies by game, as yet without ratings; games weigh equally.

    `spans` are the least and the greatest return that anybody had in each game.
    """
    rated = {game: tally for game, tally in tallies.items() if tally.returns}
    returns = [tally.returns for tally in rated.values()]
    mean_return, return_ci95 = (
        mean_ci95(*returns, spans=[spans[game] for game in rated]) if rated else (None, None)
    )
    success_rate, success_ci95 = _mean_success(list(rated.values()))
    seconds = math.fsum(second for tally in tallies.values() for second in tally.seconds)
    return Standing(
        agent=agent,
        rating=None,
        mean_return=mean_return,
        return_ci95=return_ci95,
        success_rate=success_rate,
        success_ci95=success_ci95,
        invalid_rate=_mean_of_known(tally.invalid_rate for tally in tallies.values()),
        first_invalid_rate=_mean_of_known(tally.first_invalid_rate for tally in tallies.values()),
        decisions_per_second=ratio(sum(tally.decisions for tally in tallies.values()), seconds),
        errors=sum(tally.errors for tally in tallies.values()),
        forfeits=sum(tally.forfeits for tally in tallies.values()),
    )


def _mean_success(tallies: Sequence[Tally]) -> tuple[float | None, Interval | None]:
    rates = [tally.success_rate for tally in tallies if tally.success_rate is not None]
    return equal_mean(rates, [tally.success_ci95 for tally in tallies]) if rates else (None, None)


def _mean_of_known(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return ratio(math.fsum(known), len(known))
