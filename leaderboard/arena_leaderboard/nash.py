"""Nash averaging: a ranking where agents go round in a circle, and that copies of an agent do not change.

Two players each name an agent and win what it wins from the other's: A_ij = 2 P(i ahead of j) − 1. Of this
game's equilibria p is the one of greatest entropy, a mixture that nobody beats: A p ≤ 0. An agent's *mass* is
its part of it, its *share* how often it finishes ahead of the mixture, ½ at most. In a rock-paper-scissors
each has a third; where one beats all it has all; a copy of an agent takes half of that one's mass and of
nobody else's (Balduzzi et al. 2018; there with log-odds, which are infinite for who always wins).

Arrays: A agents (rows ahead of columns), S agents that are in some equilibrium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena_leaderboard.head_to_head import Duels
from arena_leaderboard.model.plackett_luce import Floats
from arena_leaderboard.model.ratings import Fit

IN_NONE = 1e-7  # mass that an agent of no equilibrium has, by the linear programs' precision


@dataclass(frozen=True, slots=True)
class Nash:
    """The mixture that nobody beats: each agent's `mass` in it, and `share` of points against it, 0 to ½."""

    agents: tuple[str, ...]
    mass: tuple[float, ...]
    share: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """`{agent: {"mass": …, "share": …}}`."""
        rows = zip(self.agents, self.mass, self.share, strict=True)
        return {agent: {"mass": mass, "share": share} for agent, mass, share in rows}


def nash_average(agents: Sequence[str], duels: Duels, fit: Fit | None = None) -> Nash:
    """That of `agents` by the shares of their duels, which are in their order.

    Who never met counts as their ratings in `fit` say, or as even without one. What is uncertain of the
    shares is uncertain of this too: it is no verdict, and has no interval.
    """
    count = len(agents)
    payoff_AA = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            share = duels.shares[i][j]
            if i != j:
                payoff_AA[i, j] = 2 * (_expected(agents[i], agents[j], fit) if share is None else share) - 1
    mass_A = greatest_entropy((payoff_AA - payoff_AA.T) / 2)
    share_A = (1 + payoff_AA @ mass_A) / 2
    return Nash(tuple(agents), tuple(mass_A.tolist()), tuple(share_A.tolist()))


def _expected(one: str, other: str, fit: Fit | None) -> float:
    if fit is None:
        return 0.5
    return float(1 / (1 + 10 ** (-fit.difference(one, other).points / 400)))


def greatest_entropy(payoff_AA: Floats) -> Floats:
    """The equilibrium (A,) of greatest entropy of an antisymmetric game, of agents in an order.

    Raises ValueError for a matrix that is not antisymmetric.
    """
    if not np.allclose(payoff_AA, -payoff_AA.T):
        raise ValueError("the pay-off of i against j has to be that of j against i with the other sign")
    found_A = _in_some_equilibrium(payoff_AA)
    mass_A = np.zeros(len(payoff_AA))
    mass_A[found_A] = _spread(payoff_AA[:, found_A], found_A)
    return mass_A


def _in_some_equilibrium(payoff_AA: Floats) -> Any:
    """Which agents (A,) have mass in any equilibrium: the most that each can have, by a linear program."""
    from scipy.optimize import linprog

    count = len(payoff_AA)

    def most(a: int) -> float:
        found = linprog(
            -np.eye(count)[a], A_ub=payoff_AA, b_ub=np.zeros(count), A_eq=np.ones((1, count)), b_eq=[1.0]
        )
        if not found.success:  # a solution exists (von Neumann): the solver has failed
            raise ArithmeticError(f"no equilibrium was found: {found.message}")
        return float(-found.fun)

    return np.array([most(a) > IN_NONE for a in range(count)], dtype=bool)


def _spread(payoff_AS: Floats, found_A: Any) -> Floats:
    """The masses (S,) of greatest entropy under `payoff_AS` @ mass ≤ 0, by the dual: mass ∝ exp(−λ payoff).

    Who is in some equilibrium is even against all of them: there λ has either sign.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp, softmax

    def dual(multiplier_A: Floats) -> tuple[float, Floats]:
        exponent_S = -multiplier_A @ payoff_AS
        return float(logsumexp(exponent_S)), -payoff_AS @ softmax(exponent_S)

    bounds = [(None if inside else 0.0, None) for inside in found_A]
    start_A = np.zeros(len(payoff_AS))
    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(dual, start_A, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    mass_S: Floats = softmax(-found.x @ payoff_AS)
    return mass_S
