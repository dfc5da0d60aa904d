"""Ratings on an Elo-like scale, each with a 95 % interval.

Arrays: R replicates (row 0 is the data as it is), A agents.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arena_leaderboard.model.bootstrap import evidence_of
from arena_leaderboard.model.game_weights import Family, Weights, game_shares, itself
from arena_leaderboard.model.interval import Strengths
from arena_leaderboard.model.plackett_luce import Floats
from arena_leaderboard.model.race_table import RaceTable
from arena_leaderboard.results import MatchResult, races

POINTS = 400 / math.log(10)  # rating points per unit of log-odds: 400 points are odds of 10 to 1
CENTRE = 1000.0  # the mean of the rated agents
LEVEL = 0.95

Ends = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Rating:
    """`mean` with its 95 % interval, in rating points, from so many rated `matches`.

    Whose defeats, or wins, are too few to say how far ahead, or behind, it may be has an open end: ±∞.
    """

    mean: float
    low: float
    high: float
    matches: int

    @property
    def ends(self) -> Ends:
        """The interval's ends; None for one that is open."""
        return _ends(self.low, self.high)

    def overlaps(self, other: "Rating") -> bool:
        """Whether the two intervals overlap. They may, and the order of the two still be settled."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Difference:
    """How far `above` is rated above `below`, in points, with the interval at `level`; open ends are ±∞.

    `probability` is the share of resampled tournaments in which `above` came out ahead, a draw
    counting half.
    """

    above: str
    below: str
    points: float
    low: float
    high: float
    level: float
    probability: float

    @property
    def ends(self) -> Ends:
        """The interval's ends; None for one that is open."""
        return _ends(self.low, self.high)

    @property
    def separated(self) -> bool:
        """Whether the interval leaves zero out: the order of the two is settled at `level`."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The ratings of the agents of some matches, and how they came out in resampled tournaments."""

    strengths: Strengths
    matches: dict[str, int]

    @property
    def agents(self) -> tuple[str, ...]:
        """Every agent with a rated match, in alphabetical order."""
        return self.strengths.agents

    def rating(self, agent: str, anchor: str | None = None) -> Rating:
        """The rating where the mean of all agents, or the `anchor`, is 1000.

        Raises KeyError for an agent without a rated match.
        """
        zero_A = np.full(len(self.agents), 1 / len(self.agents)) if anchor is None else self._unit(anchor)
        weights_A = self._unit(agent) - zero_A
        mean, low, high = self.strengths.interval(weights_A, LEVEL)
        return Rating(_points(mean, CENTRE), _points(low, CENTRE), _points(high, CENTRE), self.matches[agent])

    def difference(self, above: str, below: str, level: float = LEVEL) -> Difference:
        """The two agents' difference. Raises KeyError as `rating` does, and ValueError for no such level."""
        weights_A = self._unit(above) - self._unit(below)
        gap, low, high = map(_points, self.strengths.interval(weights_A, level))
        return Difference(above, below, gap, low, high, level, self.strengths.probability(weights_A))

    def chance(self, one: str, other: str) -> float:
        """How likely two equal agents come out as far apart as these. Raises KeyError as `rating` does."""
        return self.strengths.chance(self._unit(one) - self._unit(other))

    def _unit(self, agent: str) -> Floats:
        if agent not in self.matches:
            raise KeyError(agent)
        return np.array([float(name == agent) for name in self.agents])


def fit_ratings(
    results: Iterable[MatchResult],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    weights: Weights = "game",
    family: Family = itself,
) -> Fit | None:
    """The fit of all rated results, or None where there are none; games weigh as `weights` says.

    The same results give the same fit whatever their order and the agents' names. `seed` starts
    the bootstrap's own generator. `family` tells which games are of one. Raises ValueError if `bootstraps` is
    less than 1, or for unknown weights.
    """
    by_game: dict[str, list[MatchResult]] = defaultdict(list)
    for result in results:
        if result.rated:
            by_game[result.game].append(result)
    matches = Counter(agent for found in by_game.values() for r in found for agent in set(r.players))
    games = sorted(by_game)
    tables = [_table(by_game[game]) for game in games]
    played = {game: sum(len(set(result.players)) for result in by_game[game]) for game in games}
    shares = list(game_shares(played, weights, family).values())
    return fit_tables(tables, matches, bootstraps=bootstraps, seed=seed, shares=shares)


def fit_tables(
    tables: Sequence[RaceTable],
    matches: Mapping[str, int],
    *,
    bootstraps: int,
    seed: int,
    shares: Sequence[float] | None = None,
) -> Fit | None:
    """The same from the races of each game, in the order of the games' names, and each agent's matches.

    `shares` say what each game weighs beside the others; left out, all weigh the same.
    """
    if bootstraps < 1:
        raise ValueError(f"an interval needs at least one bootstrap replicate, got {bootstraps}")
    if not matches:
        return None
    agents = tuple(sorted(matches))
    evidence = evidence_of(tables, agents, shares)
    return Fit(Strengths.of(evidence, agents, bootstraps, seed), dict(matches))


def _table(results: Iterable[MatchResult]) -> RaceTable:
    table, by_seed = RaceTable(), defaultdict(list)
    for result in results:
        by_seed[result.seed].append(result)
    for seed in sorted(by_seed):
        table.add(seed, races(by_seed[seed]))
    return table


def ratings(
    results: Iterable[MatchResult],
    *,
    bootstraps: int = 200,
    seed: int = 0,
    weights: Weights = "game",
    family: Family = itself,
) -> dict[str, Rating]:
    """The rating of every agent with a rated match; the rest as in `fit_ratings`."""
    fit = fit_ratings(results, bootstraps=bootstraps, seed=seed, weights=weights, family=family)
    return {} if fit is None else {agent: fit.rating(agent) for agent in fit.agents}


def _ends(low: float, high: float) -> Ends:
    return low if math.isfinite(low) else None, high if math.isfinite(high) else None


def _points(strength: float, centre: float = 0.0) -> float:
    # Rounding lets agents with the same record tie exactly, whatever order the sums ran in.
    return round(centre + POINTS * strength, 6)
