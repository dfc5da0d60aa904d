"""Whom a learner meets: itself, its pool of past versions, or anchors that never change.

    a start state is played against        the latest           with the first share of `league_mix`
                                           a past version b     with the second, P(b) ∝ f(x_b)
                                           an anchor b          with the third, likewise

    f(x) = (1 − x)²  `hard`      x (1 − x)  `even`      1  `uniform`

x_b is the learner's share of points against b. Prioritised fictitious self-play, AlphaStar (Vinyals 2019):
mirror play alone forgets how to beat what it has beaten; `hard` prefers who still wins, `even` who is about
as good. The preset 80/20 is OpenAI Five's (2019): a fifth of all games against the past.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pfsp = str  # "hard", "even" or "uniform"


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares, 0 to 1, of start states that are played against each kind of opponent."""

    latest: float
    pool: float
    anchors: float

    @classmethod
    def parse(cls, text: str) -> Mix:
        """Percents, as `50/30/20`, or `80/20` without anchors. Raises ValueError for anything else."""
        parts = text.split("/")
        try:
            shares = [float(part) / 100 for part in parts]
        except ValueError:
            shares = []
        known = len(shares) in (2, 3) and all(math.isfinite(share) and share >= 0 for share in shares)
        if not known or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(
                "a mix is latest/pool/anchors in percent, 100 together, as 50/30/20, or 80/20 without anchors"
            )
        latest, pool, *anchors = shares
        return cls(latest, pool, *(anchors or [0.0]))


def pfsp_weight(win_rate: float, kind: Pfsp) -> float:
    """f(x), how much a past version is preferred that is beaten with probability x."""
    if kind == "hard":
        return (1 - win_rate) ** 2
    return win_rate * (1 - win_rate) if kind == "even" else 1.0


def pool_weights(names: Sequence[str], win_rates: Mapping[str, float], kind: Pfsp) -> list[float]:
    """f(x) of each of these, x = ½ before the first game; all alike where each weight is 0."""
    weights = [pfsp_weight(win_rates.get(name, 0.5), kind) for name in names]
    return weights if sum(weights) > 0 else [1.0] * len(names)
