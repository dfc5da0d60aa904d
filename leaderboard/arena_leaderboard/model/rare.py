"""How far an agent that (nearly) always wins, or loses, may be from its estimate.

Resamples of a tournament hold no defeat that did not happen, and the prior pulls such an agent in. But rare
defeats are counts: N of them leave open an expected number between Poisson's limits g(N) and h(N) (Garwood
1936), from 0 to 3.7 where there was none. Far ahead the expected number of defeats is proportional to
exp(−θ). So the strength may lie

    log( E / (u · g(N)) )  above the estimate   and   log( u · h(N) / E )  below it

where E is the weight of the defeats that the fit expects: L, the weight of those that were seen, and the
prior's half a defeat; and u = L / N that of an independent one. Seeds are independent: N = (Σ L_b)² / Σ L_b².
By the same count of its wins who loses nearly always may be weaker, or stronger, than estimated.

Where defeats are not rare, resamples show what they do; ties, half a defeat each, are no Poisson events.

Arrays: A agents, B blocks (a game's seed each), P weighted choices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from arena_leaderboard.model.bootstrap import Evidence
from arena_leaderboard.model.plackett_luce import VIRTUAL_DRAWS, Floats
from arena_leaderboard.model.quantiles import poisson_limits

NONE = 1e-9  # weight that is told apart from none
RARE = 0.1  # of the choices an agent takes part in: 400 points ahead of another


@dataclass(frozen=True, slots=True, eq=False)
class Rare:
    """One kind of event, defeats or wins, of each agent, (A,).

    `seen`, `expected` and `possible` are weights, `independent` a number of events, `single` the mean weight
    of a choice.
    """

    seen: Floats
    expected: Floats
    possible: Floats
    independent: Floats
    single: Floats

    def reach(self, a: int, level: float) -> tuple[float, float]:
        """Log-odds that so few events leave open to agent `a`, away from the others and back to them.

        Zero where they are not rare.
        """
        seen, events, single = (float(of[a]) for of in (self.seen, self.independent, self.single))
        if seen > RARE * self.possible[a]:
            return 0.0, 0.0
        expected = max(float(self.expected[a]), seen, NONE)
        low, high = poisson_limits(events, level)
        # One defeat can weigh less than another, but no sum of them leaves less open than none at all.
        most = max(single * poisson_limits(0.0, level)[1], seen * high / max(events, NONE), NONE)
        away = math.inf if seen < NONE else math.log(expected * events / (seen * low))
        return away, max(math.log(most / expected), 0.0)


def defeats_and_wins(evidence: Evidence, theta_A: Floats) -> tuple[Rare, Rare]:
    """How often each agent was passed over while it could be chosen, and chosen where others could be."""
    blocks = evidence.blocks
    held_UA = blocks.sets > 0
    alone_U1 = held_UA.sum(axis=1, keepdims=True) == 1
    weight_P = blocks.weight * evidence.scale[blocks.block]
    drawn_BA, won_BA = np.zeros((2, *blocks.chosen.shape))
    single_A = np.zeros(len(theta_A))
    for a in range(len(theta_A)):
        could_P, had_to_P = (
            of_UA[blocks.drawn_from, a] for of_UA in (held_UA & ~alone_U1, held_UA & alone_U1)
        )
        drawn_BA[:, a] = np.bincount(blocks.block, weight_P * could_P, minlength=len(drawn_BA))
        alone_B = np.bincount(blocks.block, weight_P * had_to_P, minlength=len(won_BA))
        won_BA[:, a] = evidence.scale * blocks.chosen[:, a] - alone_B
        single_A[a] = weight_P[could_P].mean() if could_P.any() else 0.0
    prior_A = VIRTUAL_DRAWS * np.tanh(theta_A / 2) / 2  # of its defeats: σ(θ) − ½
    possible_A = drawn_BA.sum(axis=0)
    return (
        _rare(drawn_BA - won_BA, prior_A, possible_A, single_A),
        _rare(won_BA, -prior_A, possible_A, single_A),
    )


def _rare(weight_BA: Floats, prior_A: Floats, possible_A: Floats, single_A: Floats) -> Rare:
    weight_BA = np.maximum(weight_BA, 0.0)  # of rounding
    seen_A, squares_A = weight_BA.sum(axis=0), (weight_BA**2).sum(axis=0)
    independent_A = seen_A**2 / np.maximum(squares_A, 1e-300)
    return Rare(seen_A, seen_A + prior_A, possible_A, independent_A, single_A)
