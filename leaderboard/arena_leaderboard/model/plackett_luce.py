"""Strengths from choices: the Plackett–Luce model, fitted for many resampled tournaments at once.

A race is run backwards as a chain of choices: the first is chosen from all entrants, the second from
those that are left, and so on. Agent i is chosen from a set U with probability

    P(i | U) = exp θ_i / Σ_{j ∈ U} exp θ_j

    ℓ(θ) = Σ_U Σ_{i ∈ U} w_Ui log P(i | U)  +  Σ_i [ ½ log σ(θ_i) + ½ log σ(−θ_i) ]
         = Σ_i w_i θ_i − Σ_U w_U log Σ_{j ∈ U} exp θ_j  +  …

so that all a fit needs to know is how often each agent was chosen and how often each set was chosen
from. The second sum is the prior: each agent also drew one virtual race against an average player
(θ = 0). It keeps the undefeated and the disconnected finite and fades as real races come in.

Arrays: R replicates, U different sets, A agents. Strengths are natural log-odds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VIRTUAL_DRAWS = 1.0  # races that each agent drew, before any real one, against an average player
TOLERANCE = 1e-7  # log-odds moved in the last step; being quadratic, what remains is far less
MAX_STEPS = 500
CHUNK = 4_000_000  # numbers in the largest array of a step: 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The sufficient statistics of weighted choices, for each of R replicates.

    `sets` (U, A): how many seats each agent holds in each set. `drawn` (R, U): the weight of the
    choices from each set. `chosen` (R, A): the weight of the choices that fell on each agent.
    """

    sets: Floats
    drawn: Floats
    chosen: Floats

    def __getitem__(self, rows: slice) -> "Choices":
        """The choices of these replicates."""
        return Choices(self.sets, self.drawn[rows], self.chosen[rows])


def fit(choices: Choices) -> Floats:
    """The maximising strengths θ (R, A) of each replicate.

    The first replicate's strengths are where the others start from. Raises ArithmeticError should
    Newton's method not arrive.
    """
    agents = choices.sets.shape[1]
    first_1A = _climb(choices[:1], np.zeros((1, agents)))
    chunk = max(1, CHUNK // max(choices.sets.size, agents**2, 1))
    starts = range(1, len(choices.chosen), chunk)
    rest = [_climb(choices[start : start + chunk], first_1A) for start in starts]
    return np.concatenate([first_1A, *rest])


def _climb(choices: Choices, start_1A: Floats) -> Floats:
    """Newton's method from `start_1A`.

    The step log(1+δ)/δ, where δ bounds how far any two players move apart, makes it climb from every
    start (Sun and Tran-Dinh 2019, generalized self-concordant functions, ν = 2) and tends to
    Newton's full step at the end.
    """
    strengths_RA = np.repeat(start_1A, len(choices.chosen), axis=0)
    for _ in range(MAX_STEPS):
        gradient_RA, curvature_RAA = _slope(choices, strengths_RA)
        direction_RA = np.linalg.solve(curvature_RAA, gradient_RA[..., None])[..., 0]
        # The average player of the prior stays at 0, hence twice the farthest move.
        apart_R1 = np.maximum(2 * np.abs(direction_RA).max(axis=-1, keepdims=True), 1e-300)
        strengths_RA += direction_RA * np.log1p(apart_R1) / apart_R1
        if apart_R1.max() < TOLERANCE:
            return strengths_RA
    raise ArithmeticError(f"the ratings did not settle in {MAX_STEPS} steps")


def _slope(choices: Choices, strengths_RA: Floats) -> tuple[Floats, Floats]:
    """∂ℓ/∂θ (R, A) and −∂²ℓ/∂θ² (R, A, A), the prior included."""
    expected_RA, spread_RAA = _moments(choices, strengths_RA)
    gradient_RA = choices.chosen - expected_RA + VIRTUAL_DRAWS * (0.5 - _sigmoid(strengths_RA))
    return gradient_RA, spread_RAA + prior_information(strengths_RA)


def information(choices: Choices, strengths_RA: Floats) -> Floats:
    """−∂²/∂θ² of the choices' log-likelihood, without the prior: shape (R, A, A)."""
    return _moments(choices, strengths_RA)[1]


def prior_information(strengths_RA: Floats) -> Floats:
    """−∂²/∂θ² of the prior: shape (R, A, A), diagonal."""
    return _diagonal(VIRTUAL_DRAWS * _sigmoid(strengths_RA) * _sigmoid(-strengths_RA))


def _moments(choices: Choices, strengths_RA: Floats) -> tuple[Floats, Floats]:
    """How often each agent should have been chosen, and the covariance of that."""
    odds_RA = np.exp(strengths_RA - strengths_RA.max(axis=-1, keepdims=True))
    share_RUA = choices.sets * odds_RA[:, None]
    share_RUA /= share_RUA.sum(axis=-1, keepdims=True)
    weighted_RUA = share_RUA * choices.drawn[..., None]
    expected_RA = weighted_RUA.sum(axis=1)
    spread_RAA = _diagonal(expected_RA) - np.swapaxes(weighted_RUA, 1, 2) @ share_RUA
    return expected_RA, spread_RAA


def _diagonal(values_RA: Floats) -> Floats:
    return values_RA[..., None] * np.eye(values_RA.shape[-1])


def _sigmoid(x: Floats) -> Floats:
    # tanh neither overflows nor warns.
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result
