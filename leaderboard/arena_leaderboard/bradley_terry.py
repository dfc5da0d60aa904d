"""Strengths from win counts: the Bradley–Terry model, fitted for many win matrices at once.

    P(i beats j) = σ(θ_i − θ_j)

    ℓ(θ) = Σ_ij w_ij log σ(θ_i − θ_j)  +  Σ_i [ ½ log σ(θ_i) + ½ log σ(−θ_i) ]

`w_ij` is how often i beat j (a tie: half a win each). Under Plackett–Luce the order of any two
entrants of a race follows Bradley–Terry, so a race enters as its pairs. The second sum is the prior:
each agent also drew one virtual race against an average player (θ = 0). It keeps the undefeated and
the disconnected finite and fades as real races come in.

Arrays: R replicates, A agents. Strengths are natural log-odds.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VIRTUAL_DRAWS = 1.0  # races that each agent drew, before any real one, against an average player
TOLERANCE = 1e-7  # log-odds moved in the last step; being quadratic, what remains is far less
MAX_STEPS = 500


def fit(wins_RAA: Floats) -> Floats:
    """The maximising strengths θ_RA of each win matrix `wins_RAA[r, i, j]`, how often i beat j.

    Newton's method. The step log(1+δ)/δ, where δ bounds how far any two players move apart, makes it
    climb from every start (Sun and Tran-Dinh 2019, generalized self-concordant functions, ν = 2)
    and tends to Newton's full step at the end. Raises ArithmeticError should it not arrive.
    """
    strengths_RA: Floats = np.zeros(wins_RAA.shape[:-1])
    for _ in range(MAX_STEPS):
        direction_RA = _newton_direction(wins_RAA, strengths_RA)
        # The average player of the prior stays at 0, hence twice the farthest move.
        apart_R1 = np.maximum(2 * np.abs(direction_RA).max(axis=-1, keepdims=True), 1e-300)
        strengths_RA += direction_RA * np.log1p(apart_R1) / apart_R1
        if apart_R1.max() < TOLERANCE:
            return strengths_RA
    raise ArithmeticError(f"the ratings did not settle in {MAX_STEPS} steps")


def information(wins_RAA: Floats, strengths_RA: Floats) -> Floats:
    """−∂²/∂θ² of the races' log-likelihood, without the prior: shape (R, A, A)."""
    gap_RAA = strengths_RA[..., :, None] - strengths_RA[..., None, :]
    races_RAA = wins_RAA + np.swapaxes(wins_RAA, -1, -2)
    weight_RAA = races_RAA * _sigmoid(gap_RAA) * _sigmoid(-gap_RAA)
    return _diagonal(weight_RAA.sum(axis=-1)) - weight_RAA


def prior_information(strengths_RA: Floats) -> Floats:
    """−∂²/∂θ² of the prior: shape (R, A, A), diagonal."""
    return _diagonal(VIRTUAL_DRAWS * _sigmoid(strengths_RA) * _sigmoid(-strengths_RA))


def _newton_direction(wins_RAA: Floats, strengths_RA: Floats) -> Floats:
    gap_RAA = strengths_RA[..., :, None] - strengths_RA[..., None, :]
    surprise_RAA = wins_RAA * _sigmoid(-gap_RAA)
    gained_RA = surprise_RAA.sum(axis=-1) - surprise_RAA.sum(axis=-2)
    gradient_RA = gained_RA + VIRTUAL_DRAWS * (0.5 - _sigmoid(strengths_RA))
    curvature_RAA = information(wins_RAA, strengths_RA) + prior_information(strengths_RA)
    direction_RA: Floats = np.linalg.solve(curvature_RAA, gradient_RA[..., None])[..., 0]
    return direction_RA


def _diagonal(values_RA: Floats) -> Floats:
    return values_RA[..., None] * np.eye(values_RA.shape[-1])


def _sigmoid(x: Floats) -> Floats:
    # tanh neither overflows nor warns.
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result
