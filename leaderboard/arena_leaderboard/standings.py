"""The leaderboard: one standing per agent, for each game and over all games.

>>> board = standings(results)
>>> board.games["snake"][0].rating.mean
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from arena_leaderboard.game_means import with_game_means
from arena_leaderboard.model.game_weights import Family, Weights, game_shares, itself
from arena_leaderboard.model.means import Interval, equal_mean, mean_ci95
from arena_leaderboard.model.ranks import rank_ranges
from arena_leaderboard.model.ratings import LEVEL, Difference, Fit, Rating
from arena_leaderboard.results import MatchResult
from arena_leaderboard.seat_effect import SeatEffect
from arena_leaderboard.standing import Standing
from arena_leaderboard.sums import GameSums, added_up, by_seed, fit_of
from arena_leaderboard.tally import Tally, ratio


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Standings over all games and per game, best first; agents without a rated match come last.

    `seats` holds the seats' effect in each versus game. `fits` holds the ratings' fit of each game, and
    under None the one over all games; a game without a rated match has none. `weights` says what games weigh
    in the overall rating.
    """

    overall: tuple[Standing, ...]
    games: dict[str, tuple[Standing, ...]]
    seats: dict[str, tuple[SeatEffect, ...]] = field(default_factory=dict)
    fits: dict[str | None, Fit] = field(default_factory=dict, compare=False, repr=False)
    level: float = LEVEL
    weights: Weights = "game"

    def in_fewer_games(self) -> dict[str, int]:
        """In how many games each rated agent is that is not in all of them, as it cannot play some."""
        games = list(self.games.values())
        counts = {
            standing.agent: sum(
                row.agent == standing.agent and row.rating is not None for rows in games for row in rows
            )
            for standing in self.overall
            if standing.rating
        }
        return {agent: count for agent, count in counts.items() if count < len(games)}

    def to_json(self) -> dict[str, Any]:
        """`{"overall": [row…], "games": {name: [row…]}, "seats": {name: [seat…]}, "level": …, "weights": …}`.

        Rows are as `Standing.to_json` gives them, seats as `SeatEffect.to_json`.
        """
        return {
            "overall": [standing.to_json() for standing in self.overall],
            "games": {game: [standing.to_json() for standing in rows] for game, rows in self.games.items()},
            "seats": {game: [effect.to_json() for effect in effects] for game, effects in self.seats.items()},
            "level": self.level,
            "weights": self.weights,
        }

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from arena_leaderboard.views.html import render_html  # a view, above this module

        return render_html(self)


def standings(
    results: Iterable[MatchResult],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    level: float = LEVEL,
    weights: Weights = "game",
    family: Family = itself,
) -> Leaderboard:
    """The leaderboard of a tournament's results, in whatever order they come.

    `level` is the one at which neighbouring ranks are called separated: who has looked before, and stops
    when they are, needs a higher one (see `model.looks`).
    `bootstraps` and `seed` are those of `fit_ratings`, and ValueError is raised as there. Return, success
    and invalid rate are means over an agent's episodes in a game; overall, means over its games.
    `weights` says what games weigh in the overall rating (see `model.game_weights`), `family` which of them
    are of one.
    """
    return standings_by_seed(
        by_seed(results), bootstraps=bootstraps, seed=seed, level=level, weights=weights, family=family
    )


def standings_by_seed(
    results: Iterable[Sequence[MatchResult]],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    level: float = LEVEL,
    weights: Weights = "game",
    family: Family = itself,
) -> Leaderboard:
    """The same from all results of one game and seed at a time: only sums of them are held."""
    return standings_of(
        added_up(results), bootstraps=bootstraps, seed=seed, level=level, weights=weights, family=family
    )


def standings_of(
    sums: Mapping[str, GameSums],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    level: float = LEVEL,
    weights: Weights = "game",
    family: Family = itself,
) -> Leaderboard:
    """The same from what was added up of each game, in the order of their names."""
    fits: dict[str | None, Fit] = {}

    def ranked(name: str | None, found: Mapping[str, GameSums]) -> tuple[Standing, ...]:
        played = {game: of.rated.matches.total() for game, of in found.items()}
        shares = list(game_shares(played, weights, family).values())
        fit = fit_of([of.rated for of in found.values()], shares, bootstraps, seed)
        if fit:
            fits[name] = fit
        clean = _clean_ratings(found, shares, bootstraps, seed)
        rows = _ranked({game: of.tallies for game, of in found.items()}, fit, clean)
        ranks = rank_ranges(fit, level) if fit else {}
        return tuple(replace(row, level=level, ranks=ranks.get(row.agent)) for row in rows)

    overall = ranked(None, sums)
    games = {game: ranked(game, {game: of}) for game, of in sums.items()}
    effects = {game: found for game, of in sums.items() if (found := of.seats.effects())}
    return Leaderboard(with_game_means(overall, games), games, effects, fits, level, weights)


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


def _clean_ratings(
    games: Mapping[str, GameSums], shares: Sequence[float], bootstraps: int, seed: int
) -> dict[str, Rating]:
    """The ratings over the matches without an invalid reply or a forfeit; none where those are all."""
    if all(of.clean.results == of.rated.results for of in games.values()):
        return {}
    return _all_ratings(fit_of([of.clean for of in games.values()], shares, bootstraps, seed))


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
