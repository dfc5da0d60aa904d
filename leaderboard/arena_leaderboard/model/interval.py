"""How sure a strength or a difference is: how far resampled tournaments stray, and what those miss.

Arrays: R replicates (row 0 is the data as it is), A agents, C cells (a game's seed each), G games.
Strengths are natural log-odds.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.bootstrap import Evidence
from arena_leaderboard.model.choices import Ints
from arena_leaderboard.model.plackett_luce import Floats, fit, information, prior_information


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """Strengths in the data and in its replicates, `theta` (R, A), and what the replicates do not say.

    `unseen` (A, A) is the covariance that no resample shows. `influence` (C, A) is how far each cell
    moved the strengths, `game` (C,) the number of its game.
    """

    agents: tuple[str, ...]
    theta: Floats
    unseen: Floats
    influence: Floats
    game: Ints

    @classmethod
    def of(cls, evidence: Evidence, agents: tuple[str, ...], bootstraps: int, seed: int) -> "Strengths":
        """Fit the evidence and `bootstraps` tournaments resampled from it.

        Who is undefeated stays undefeated in every resample, and unconnected groups stay so: there the
        prior decides, and its own uncertainty must be counted. So must a game's single seed, which has
        no other to be exchanged with: its races count as independent. The sandwich H⁻¹ J H⁻¹.
        """
        choices = evidence.resampled(bootstraps, np.random.default_rng(seed))
        theta_RA = fit(choices)
        best_1A = theta_RA[:1]
        prior_AA = prior_information(best_1A)[0]
        inverse_AA = np.linalg.inv(information(choices[:1], best_1A)[0] + prior_AA)
        missed_AA = prior_AA + information(evidence.of_single_seeds(), best_1A)[0]
        pull_CA = evidence.scale[:, None] * evidence.cells.surprise(best_1A[0])
        return cls(agents, theta_RA, inverse_AA @ missed_AA @ inverse_AA, pull_CA @ inverse_AA, evidence.game)

    def interval(self, weights_A: Floats, level: float) -> tuple[float, float, float]:
        """The contrast Σ w_a θ_a and the ends of its interval at `level`.

        They lie as far below and above as the replicates stray there, times Student's t, and what no
        resample shows. Raises ValueError for a level that is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"a level lies between 0 and 1, got {level}")
        value, *resampled = (self.theta @ weights_A).tolist()
        off = np.array(resampled) - value
        student = student_quantile((1 + level) / 2, self._freedom(weights_A))
        unseen = NormalDist().inv_cdf((1 + level) / 2) * self._unseen_deviation(weights_A)
        below = np.hypot(student * _strayed(off, off < 0), unseen)
        above = np.hypot(student * _strayed(off, off > 0), unseen)
        return value, value - float(below), value + float(above)

    def probability(self, weights_A: Floats) -> float:
        """The share of the replicates in which the contrast is positive, zero counting half.

        What no resample shows blurs each replicate.
        """
        values_R = np.round(self.theta[1:] @ weights_A, 9)
        deviation = self._unseen_deviation(weights_A)
        if deviation > 0:
            return float(np.mean([NormalDist(0, deviation).cdf(value) for value in values_R.tolist()]))
        return float(np.mean((np.sign(values_R) + 1) / 2))

    def _unseen_deviation(self, weights_A: Floats) -> float:
        return math.sqrt(max(float(weights_A @ self.unseen @ weights_A), 0.0))

    def _freedom(self, weights_A: Floats) -> float:
        """Degrees of freedom of the contrast's variance, which is a sum over games (Satterthwaite 1946)."""
        moved_C = self.influence @ weights_A
        seeds_G = np.bincount(self.game)
        off_C = moved_C - (np.bincount(self.game, moved_C) / seeds_G)[self.game]
        freedom_G = np.maximum(seeds_G - 1, 1)  # one seed shows no variance
        variance_G = np.bincount(self.game, off_C**2) * seeds_G / freedom_G
        total = float((variance_G**2 / freedom_G).sum())
        return float(variance_G.sum()) ** 2 / total if total > 0 else 1.0


def _strayed(off_R: Floats, this_side_R: NDArray[np.bool_]) -> float:
    """How far the replicates strayed to one side: the root mean square of that side and both, evenly mixed.

    One side alone follows the skew of strengths, but with few seeds the shorter side is too short.
    """
    side_R = off_R[this_side_R] if this_side_R.any() else off_R
    return float(np.sqrt(((side_R**2).mean() + (off_R**2).mean()) / 2))


def student_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t, right to 1e-3 of itself for freedom ≥ 1 and probabilities to 0.9999.

    With t = √ν tan φ the distribution's density in φ is cos^(ν−1) φ.
    """
    ends = np.linspace(-np.pi / 2, np.pi / 2, 8001)
    middles = (ends[1:] + ends[:-1]) / 2
    mass = np.concatenate([[0.0], np.cumsum(np.cos(middles) ** (freedom - 1))])
    return float(np.sqrt(freedom) * np.tan(np.interp(probability * mass[-1], mass, ends)))
