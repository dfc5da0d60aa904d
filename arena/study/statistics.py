"""What a study may conclude: means over trainings and test episodes, their intervals, and verdicts. Pure.

Arrays: S trainings (seeds), E test episodes, D draws of the bootstrap. All trainings play the same episodes,
so a table of values (S, E) has three sources of chance: the training, the episode, and what is left. What is
compared is paired: the table holds differences, training by training of one seed and episode by episode.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.means import share_ci95
from arena_leaderboard.model.quantiles import normal_reach, student_reach

LEVEL = 0.95
DRAWS = 2_000
MOST_SEEDS = 1_000  # that a forecast of more looks up to
POWER_REACH = 0.8416  # standard normal quantile of a power of 80 %
Floats = NDArray[np.float64]
Interval = tuple[float, float]
Holds = Literal["more", "less", "not less", "equal"]
Verdict = Literal["supported", "not supported", "open"]


@dataclass(frozen=True, slots=True)
class Sources:
    """Variances of a single value: between trainings, between episodes, and what is left; none below 0."""

    training: float
    episode: float
    rest: float

    @classmethod
    def of(cls, squares: Floats, shape: tuple[int, int]) -> Sources:
        """From the mean squares of trainings, episodes and rest (two-way analysis of variance)."""
        (training, episode, rest), (S, E) = squares.tolist(), shape
        return cls(max(training - rest, 0.0) / E, max(episode - rest, 0.0) / S, rest)

    def error(self, seeds: int, episodes: int) -> float:
        """The standard error of a mean over so many."""
        variance = self.training / seeds + self.episode / episodes + self.rest / (seeds * episodes)
        return math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `seeds` trainings and `episodes`, its standard error, and that error's freedom."""

    value: float
    error: float
    freedom: float
    seeds: int
    episodes: int
    sources: Sources

    def interval(self, level: float = LEVEL) -> Interval:
        """Student's interval around the value."""
        half = self.error * student_reach(level, self.freedom)
        return self.value - half, self.value + half

    def chance(self, threshold: float = 0.0) -> float:
        """How likely chance alone takes the mean so far from `threshold`, either way; 1 where it is there."""
        distance = abs(self.value - threshold)
        if distance == 0:
            return 1.0
        if self.error == 0:
            return 0.0
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -distance / self.error))


def two_level(
    values_SE: Floats, *, span: Interval | None = None, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """The mean, and its error by a bootstrap of two levels: trainings are drawn, then episodes for all.

    Deviations are scaled by √(n / (n − 1)) on each level, without which a bootstrap of few is too narrow.
    What is neither the training's nor the episode's doing is drawn on both levels and counts three times: two
    of them are taken off (Owen 2007). Degrees of freedom are Satterthwaite's; of two trainings, one. With one
    training the interval is of this training alone. Where all values are equal, `span`, the least and the
    greatest that one can have, bounds what was missed. Raises ValueError for an empty table.
    """
    S, E = values_SE.shape
    if not S or not E:
        raise ValueError("a mean needs a training and an episode")
    squares = mean_squares(values_SE)
    sources, value = Sources.of(squares, (S, E)), float(values_SE.mean())
    if S * E < 2 or not values_SE.std() > 0:
        return Estimate(value, _unseen(value, E, span), math.inf, S, E, sources)
    counted = squares / (S * E)
    deviations = bootstrap_deviations(values_SE, draws, np.random.default_rng(seed))
    variance = float((deviations**2).mean()) - 2 * counted[2]
    variance = max(variance, float(counted[2]), float(counted.max()) * 1e-9)
    parts = [(counted[0], S - 1), (counted[1], E - 1), (counted[2], (S - 1) * (E - 1))]
    spent = sum(float(part) ** 2 / freedom for part, freedom in parts if freedom)
    freedom = max(1.0, variance**2 / spent) if spent else math.inf
    if S == 2:  # two that lie close by chance would be believed: their interval held the truth in 89 %
        freedom = 1.0
    return Estimate(value, math.sqrt(variance), freedom, S, E, sources)


def mean_squares(values_SE: Floats) -> Floats:
    """Mean squares of trainings, of episodes, and of the rest, (3,); 0 where there is only one of a kind."""
    S, E = values_SE.shape
    off = values_SE - values_SE.mean()
    row_S, column_E = off.mean(axis=1), off.mean(axis=0)
    rest_SE = off - row_S[:, None] - column_E[None, :]
    sums = (E * (row_S**2).sum(), S * (column_E**2).sum(), (rest_SE**2).sum())
    freedoms = (S - 1, E - 1, (S - 1) * (E - 1))
    return np.array(
        [total / freedom if freedom else 0.0 for total, freedom in zip(sums, freedoms, strict=True)]
    )


def bootstrap_deviations(values_SE: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """How far the mean of each resampled table lies from the mean, (D,)."""
    S, E = values_SE.shape
    weight_DS, weight_DE = _weights(S, draws, rng), _weights(E, draws, rng)
    deviations: Floats = ((weight_DS @ values_SE) * weight_DE).sum(axis=1) - values_SE.mean()
    return deviations


def _weights(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """Weights that sum to 1, of `count` things drawn as often with replacement; one thing weighs 1."""
    if count == 1:
        return np.ones((draws, 1))
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws) / count
    weights: Floats = 1 / count + math.sqrt(count / (count - 1)) * (drawn - 1 / count)
    return weights


def _unseen(value: float, episodes: int, span: Interval | None) -> float:
    """The standard error where all are equal: others may be as frequent as none of so many leave open."""
    if span is None:
        return 0.0
    return share_ci95(0, episodes)[1] * max(value - span[0], span[1] - value, 0.0) / normal_reach(LEVEL)


def spread_interval(means_S: Sequence[float], level: float = LEVEL) -> tuple[float, Interval]:
    """The standard deviation over trainings, and its interval where they are normal (χ²). Needs two."""
    from scipy.special import chdtri

    freedom = len(means_S) - 1
    deviation = float(np.std(means_S, ddof=1))
    low, high = (math.sqrt(freedom / chdtri(freedom, (1 + s * level) / 2)) for s in (-1, 1))
    return deviation, (deviation * low, deviation * high)


def spread_chance(means_S: Sequence[float], value: float) -> float:
    """How likely trainings whose deviation is `value` spread as little or as much as these, two-sided."""
    from scipy.special import chdtr

    freedom = len(means_S) - 1
    below = float(chdtr(freedom, freedom * (float(np.std(means_S, ddof=1)) / value) ** 2))
    return min(1.0, 2 * min(below, 1 - below))


def weighed(found: Estimate, holds: Holds, margin: float) -> tuple[float, bool]:
    """The chance by which a claim on a difference is judged, and whether the difference is on its side.

    more, less: against 0. Not less (non-inferior): against −margin. Equal: against the margin that is nearer.
    """
    if holds == "equal":
        return max(found.chance(-margin), found.chance(margin)), abs(found.value) < margin
    threshold = -margin if holds == "not less" else 0.0
    return found.chance(threshold), (found.value < threshold if holds == "less" else found.value > threshold)


def verdict(adjusted: float, on_its_side: bool, alpha: float = 1 - LEVEL) -> Verdict:
    """What an adjusted chance and the side of the threshold make of a claim."""
    if adjusted > alpha + 1e-12:
        return "open"
    return "supported" if on_its_side else "not supported"


def together(verdicts: Sequence[str]) -> Literal["supported", "not supported", "open", "not asked"]:
    """Of a claim in several parts: one that fails fails it, all that hold support it."""
    if "not supported" in verdicts:
        return "not supported"
    if all(one == "not asked" for one in verdicts):
        return "not asked"
    return "supported" if all(one == "supported" for one in verdicts) else "open"


def seeds_needed(found: Estimate, threshold: float = 0.0) -> int | None:
    """Trainings that would settle, with a power of 80 %, a difference as large as was seen.

    None where 1,000 would not.
    """
    distance = abs(found.value - threshold)
    for seeds in range(2, MOST_SEEDS + 1):
        error = found.sources.error(seeds, found.episodes)
        if (student_reach(LEVEL, seeds - 1) + POWER_REACH) * error <= distance:
            return seeds
    return None
