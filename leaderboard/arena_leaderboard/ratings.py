"""Ratings on an Elo-like scale, each with a 95 % interval.

Arrays: R replicates (row 0 is the data as it is), A agents.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from arena_leaderboard.bootstrap import Evidence, gather
from arena_leaderboard.bradley_terry import Floats, fit, information, prior_information
from arena_leaderboard.results import MatchResult, races

POINTS = 400 / math.log(10)  # rating points per unit of log-odds: 400 points are odds of 10 to 1
CENTRE = 1000.0  # the mean of the rated agents
Z95 = 1.959964  # half width of the normal distribution's 95 % interval, in standard deviations


@dataclass(frozen=True, slots=True)
class Rating:
    """`mean` with its 95 % interval, in rating points, from so many rated `matches`."""

    mean: float
    low: float
    high: float
    matches: int

    def overlaps(self, other: "Rating") -> bool:
        """Whether the two intervals overlap: the order of the two is then not settled."""
        return self.low <= other.high and other.low <= self.high


def ratings(results: Iterable[MatchResult], *, bootstraps: int = 200, seed: int = 0) -> dict[str, Rating]:
    """The rating of every agent with a rated match; several games weigh equally.

    The same results give the same ratings whatever their order and the agents' names. `seed` starts
    the bootstrap's own generator. Raises ValueError if `bootstraps` is less than 1.
    """
    if bootstraps < 1:
        raise ValueError(f"an interval needs at least one bootstrap replicate, got {bootstraps}")
    rated = [result for result in results if result.rated]
    matches = Counter(agent for result in rated for agent in set(result.players))
    if not matches:
        return {}
    agents = sorted(matches)
    points = _points(gather(races(rated), agents, bootstraps, np.random.default_rng(seed)))
    return {agent: Rating(*points[i], matches[agent]) for i, agent in enumerate(agents)}


def _points(evidence: Evidence) -> list[tuple[float, float, float]]:
    """(mean, low, high) of each agent, in rating points."""
    strengths_RA = fit(evidence.wins)
    centred_RA = strengths_RA - strengths_RA.mean(axis=1, keepdims=True)
    below_A, above_A = _resampled_reach(centred_RA, evidence.freedom)
    unseen_A = Z95 * _unseen_deviation(evidence, strengths_RA[0])
    low_A = centred_RA[0] - np.hypot(below_A, unseen_A)
    high_A = centred_RA[0] + np.hypot(above_A, unseen_A)
    points_A3 = CENTRE + POINTS * np.stack([centred_RA[0], low_A, high_A], axis=1)
    # Rounding lets agents with the same record tie exactly, whatever order the sums ran in.
    return [(round(mean, 6), round(low, 6), round(high, 6)) for mean, low, high in points_A3.tolist()]


def _resampled_reach(centred_RA: Floats, freedom: int) -> tuple[Floats, Floats]:
    """How far the replicates' 2.5 and 97.5 percentiles lie below and above the strengths.

    Stretched from the normal's width to Student's t, as few seeds show less spread than there is.
    """
    low_A, high_A = np.quantile(centred_RA[1:], [0.025, 0.975], axis=0, method="weibull")
    stretch = _student95(max(freedom, 1)) / Z95
    below_A: Floats = stretch * np.maximum(centred_RA[0] - low_A, 0)
    above_A: Floats = stretch * np.maximum(high_A - centred_RA[0], 0)
    return below_A, above_A


def _student95(freedom: int) -> float:
    """Two-sided 95 % point of Student's t, by its Cornish–Fisher series: 2 % low at 4, right from 10 on."""
    z, v = Z95, freedom
    return z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)


def _unseen_deviation(evidence: Evidence, strengths_A: Floats) -> Floats:
    """Standard deviation of each centred strength that no resample of the seeds can show.

    Who is undefeated stays undefeated in every resample, and unconnected groups stay so: there the
    prior decides, and its own uncertainty must be counted. So must a game's single seed, which has
    no other to be exchanged with: its races count as independent. The sandwich H⁻¹ J H⁻¹.
    """
    prior_AA = prior_information(strengths_A)
    score_AA = prior_AA + information(evidence.single_seed, strengths_A)
    inverse_AA = np.linalg.inv(information(evidence.wins[0], strengths_A) + prior_AA)
    centred_AA = inverse_AA - inverse_AA.mean(axis=0, keepdims=True)
    deviation_A: Floats = np.sqrt(np.einsum("ij,jk,ik->i", centred_AA, score_AA, centred_AA))
    return deviation_A
