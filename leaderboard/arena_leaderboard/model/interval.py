"""How sure a strength or a difference is: how far resampled tournaments stray, and what those miss.

Arrays: R replicates (row 0 is the data as it is), A agents, B blocks (a game's seed each), G games.
Strengths are natural log-odds.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.bootstrap import Evidence
from arena_leaderboard.model.plackett_luce import Floats, fit, information, prior_information
from arena_leaderboard.model.quantiles import normal_reach, normal_share_below, student_reach
from arena_leaderboard.model.race_table import Ints
from arena_leaderboard.model.rare import Rare, defeats_and_wins

SMALLEST = 1e-12  # chance that is told apart from none


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """Strengths in the data and in its replicates, `theta` (R, A), and what the replicates do not say.

    `unseen` (A, A) is the covariance that no resample shows. `influence` (B, A) is how far each block
    moved the strengths, `game` (B,) the number of its game. `rare` counts each agent's defeats, and wins.
    """

    agents: tuple[str, ...]
    theta: Floats
    unseen: Floats
    influence: Floats
    game: Ints
    rare: tuple[Rare, Rare] | None = None

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
        pull_BA = evidence.scale[:, None] * evidence.blocks.surprise(best_1A[0])
        rare = defeats_and_wins(evidence, best_1A[0])
        unseen_AA = inverse_AA @ missed_AA @ inverse_AA
        return cls(agents, theta_RA, unseen_AA, pull_BA @ inverse_AA, evidence.game, rare)

    def interval(self, weights_A: Floats, level: float) -> tuple[float, float, float]:
        """The contrast Σ w_a θ_a and the ends of its interval at `level`.

        They lie as far below and above as the replicates stray there, times Student's t, and what no
        resample shows; farther, or infinitely far, where rare defeats or wins leave that open. Raises
        ValueError for a level that is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"a level lies between 0 and 1, got {level}")
        value, off = self._spread(weights_A)
        below, above = (self._reach(weights_A, level, _strayed(off, side)) for side in (off < 0, off > 0))
        weaker, stronger = self._open(weights_A, level)
        return value, value - max(below, weaker), value + max(above, stronger)

    def _spread(self, weights_A: Floats) -> tuple[float, Floats]:
        """The contrast, and how far off it each replicate is."""
        value, *resampled = (self.theta @ weights_A).tolist()
        return value, np.array(resampled) - value

    def _reach(self, weights_A: Floats, level: float, strayed: float) -> float:
        student = student_reach(level, self._freedom(weights_A)) * strayed
        return math.hypot(student, normal_reach(level) * self._unseen_deviation(weights_A))

    def _open(self, weights_A: Floats, level: float) -> tuple[float, float]:
        """How far down and up rare events leave the contrast open.

        An agent that is one of many in a mean moves the contrast by less than half of its own, and is passed
        over: else one unbeaten agent would leave everybody's distance from the mean open.
        """
        down = up = 0.0
        if self.rare is None:
            return down, up
        defeats, wins = self.rare
        for a in np.flatnonzero(np.abs(weights_A) >= 0.5).tolist():
            weight = float(weights_A[a])
            (beyond, back), (below, forth) = defeats.reach(a, level), wins.reach(a, level)
            weaker, stronger = max(back, below), max(beyond, forth)
            if weight < 0:
                weaker, stronger = stronger, weaker
            down, up = max(down, abs(weight) * weaker), max(up, abs(weight) * stronger)
        return down, up

    def chance(self, weights_A: Floats) -> float:
        """How likely chance alone takes the contrast as far from zero: 1 − the level that ends at zero.

        Two-sided; 1 where the contrast is zero.
        """
        value, off = self._spread(weights_A)
        strayed = _strayed(off, off < 0 if value > 0 else off > 0)
        low, high = SMALLEST, 1.0  # the chance lies between them
        if abs(value) < 1e-9:
            return 1.0
        for _ in range(40):
            middle = math.sqrt(low * high)
            opened = self._open(weights_A, 1 - middle)[value < 0]
            reach = max(self._reach(weights_A, 1 - middle, strayed), opened)
            low, high = (low, middle) if reach < abs(value) else (middle, high)
        return high

    def probability(self, weights_A: Floats) -> float:
        """The share of the replicates in which the contrast is positive, zero counting half.

        What no resample shows blurs each replicate.
        """
        values_R = np.round(self.theta[1:] @ weights_A, 9)
        deviation = self._unseen_deviation(weights_A)
        if deviation > 0:
            return float(normal_share_below(values_R / deviation).mean())
        return float(np.mean((np.sign(values_R) + 1) / 2))

    def _unseen_deviation(self, weights_A: Floats) -> float:
        return math.sqrt(max(float(weights_A @ self.unseen @ weights_A), 0.0))

    def _freedom(self, weights_A: Floats) -> float:
        """Degrees of freedom of the contrast's variance, which is a sum over games (Satterthwaite 1946)."""
        moved_B = self.influence @ weights_A
        seeds_G = np.bincount(self.game)
        off_B = moved_B - (np.bincount(self.game, moved_B) / seeds_G)[self.game]
        freedom_G = np.maximum(seeds_G - 1, 1)  # one seed shows no variance
        variance_G = np.bincount(self.game, off_B**2) * seeds_G / freedom_G
        total = float((variance_G**2 / freedom_G).sum())
        return float(variance_G.sum()) ** 2 / total if total > 0 else 1.0


def _strayed(off_R: Floats, this_side_R: NDArray[np.bool_]) -> float:
    """How far the replicates strayed to one side: the root mean square of that side and both, evenly mixed.

    One side alone follows the skew of strengths, but with few seeds the shorter side is too short.
    """
    side_R = off_R[this_side_R] if this_side_R.any() else off_R
    return float(np.sqrt(((side_R**2).mean() + (off_R**2).mean()) / 2))
