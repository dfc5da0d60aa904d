"""Noticing a collapse on the held-out score, and deciding to step back.

Each look plays the same held-out episodes, so two looks are compared episode by episode. A plateau must not
be taken for a collapse: the best look is the luckiest of all before, and nearly every later one falls short
of it. So a look is compared with the best as with the one of L earlier looks that differs most: the paired
test asks for the level `ALPHA` / L, and by the union bound a look on a plateau is called a collapse with
probability `ALPHA` at most, however many came before.

The luckiest of many looks is no good choice of a policy either: on 50 episodes it flattered by 2 points of
success, at worst by 4.6. So a look that may be the best is confirmed: it goes on to further episodes, the
same for all, and is kept if it is the best on all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

ALPHA = 0.0005  # how often a look on a plateau may be called a collapse

Seen = Literal["best", "collapse", "neither"]


@dataclass(frozen=True, slots=True)
class Guard:
    """What has been seen: the base policy's held-out return, the best, and how often we stepped back.

    `best` is the mean return on all episodes on which the best was confirmed, `base` and `best_returns` are
    of a look's own. `drop` is the share of the gain over the base whose loss is a collapse. `looks` is how
    many looks there were, the base's included. `rollbacks` counts the steps back, `setbacks` those that have
    not been made up for: each look that is the best again takes one away.
    """

    base: float
    best: float
    best_step: int
    drop: float
    rollbacks: int = 0
    setbacks: int = 0
    looks: int = 1
    best_returns: Sequence[float] = ()

    def may_be_best(self, returns: Sequence[float]) -> bool:
        """Whether a look is not below the best: on the look's own episodes, or on those that confirmed it."""
        return fmean(returns) >= min(self.best, self._seen_best)

    def look(self, step: int, returns: Sequence[float], further: Sequence[float] = ()) -> tuple[Guard, Seen]:
        """What a look's returns, episode by episode, make of it: the new best, a collapse, or neither.

        `further` are the returns of the episodes that confirm one that may be the best.
        """
        after = replace(self, looks=self.looks + 1)
        if self.may_be_best(returns):
            score = fmean([*returns, *further])
            if score < self.best:
                return after, "neither"
            # Of equals the later one: it has seen more.
            setbacks, kept = max(self.setbacks - 1, 0), tuple(returns)
            return replace(after, setbacks=setbacks, best=score, best_step=step, best_returns=kept), "best"
        if self.collapsed(returns):
            return replace(after, rollbacks=self.rollbacks + 1, setbacks=self.setbacks + 1), "collapse"
        return after, "neither"

    def entered(self, step: int, rating: float, *, leads: bool, forgot: bool) -> tuple[Guard, Seen]:
        """The same by a league's verdict on the policy of a step; `best` is then a rating.

        Who lost to its own past has forgotten, which is a collapse, whatever its rating.
        """
        after = replace(self, looks=self.looks + 1)
        if forgot:
            return replace(after, rollbacks=self.rollbacks + 1, setbacks=self.setbacks + 1), "collapse"
        if leads:
            return replace(after, setbacks=max(self.setbacks - 1, 0), best=rating, best_step=step), "best"
        return after, "neither"

    def collapsed(self, returns: Sequence[float]) -> bool:
        """Whether `drop` of the gain is lost, and more than chance takes from one of L looks."""
        floor = self._seen_best - self.drop * (self._seen_best - self.base)
        return fmean(returns) < floor and chance_of_loss(self.best_returns, returns) < ALPHA / self.looks

    @property
    def _seen_best(self) -> float:
        """The best look's mean on its own episodes."""
        return fmean(self.best_returns) if self.best_returns else self.best

    @property
    def rate_scale(self) -> float:
        """Each step back halves the learning rate, until a look is the best again."""
        return 0.5**self.setbacks


def chance_of_loss(before: Sequence[float], after: Sequence[float]) -> float:
    """How likely chance takes as much from `before` to `after`: a one-sided t-test of paired episodes.

    Where an episode failed and their numbers differ, they are not paired (Welch). 1 where there are too few.
    """
    if min(len(before), len(after)) < 2:
        return 1.0
    if len(before) == len(after):
        lost = [was - is_now for was, is_now in zip(before, after, strict=True)]
        mean, variance, freedom = fmean(lost), stdev(lost) ** 2 / len(lost), len(lost) - 1.0
    else:
        mean = fmean(before) - fmean(after)
        parts = [stdev(sample) ** 2 / len(sample) for sample in (before, after)]
        variance = sum(parts)
        sizes = (len(before), len(after))
        weight = sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
        freedom = variance**2 / weight if weight else 1.0
    if variance == 0:
        return 0.0 if mean > 0 else 1.0
    return _student_above(mean / math.sqrt(variance), freedom)


def _student_above(value: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, -value))
