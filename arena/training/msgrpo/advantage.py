"""Advantages of whole episodes, and which episodes to train on: AAW episode sampling.

Pure functions of tensors. Source: arXiv 2508.10839.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["aaw_probabilities", "aaw_sample", "group_advantages", "informative_groups", "returns_to_go"]

EPSILON = 1e-6


def group_advantages(returns_BG: Tensor, *, scale: str = "std") -> Tensor:
    """Advantages (B, G) of episodes against the others that began in the same state.

    A = (R − mean_G R) / (std_G R + 1e-6) with the population's standard deviation; `scale="none"`
    leaves the division out. Raises ValueError for another scale.
    """
    if scale not in ("std", "none"):
        raise ValueError(f"scale must be 'std' or 'none', not {scale!r}")
    centred_BG = returns_BG - returns_BG.mean(dim=1, keepdim=True)
    if scale == "none":
        return centred_BG
    return centred_BG / (returns_BG.std(dim=1, keepdim=True, correction=0) + EPSILON)


def informative_groups(returns_BG: Tensor) -> Tensor:
    """Which groups (B,) have unequal returns: the others carry no gradient."""
    return returns_BG.max(dim=1).values > returns_BG.min(dim=1).values


def aaw_probabilities(advantages: Tensor, temperature: float) -> Tensor:
    """P_j ∝ exp(|A_j| / T_ep), (N,): T_ep → ∞ is uniform, T_ep → 0 prefers the largest |A|."""
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, not {temperature}")
    return torch.softmax(advantages.flatten().abs() / temperature, dim=0)


def aaw_sample(
    advantages: Tensor,
    *,
    k: int,
    temperature: float,
    generator: torch.Generator,
    replacement: bool = False,
) -> Tensor:
    """Indices (k,) of the episodes drawn by AAW, into the flattened advantages.

    Without replacement each draw is from what is left, renormalised. It is done by Gumbel noise:
    the k largest of |A| / T_ep + Gumbel are such a draw, also where a probability underflows.
    Raises ValueError if k exceeds the number of episodes without replacement.
    """
    probabilities = aaw_probabilities(advantages, temperature)
    if replacement:
        return torch.multinomial(probabilities, k, replacement=True, generator=generator)
    if not 0 <= k <= len(probabilities):
        raise ValueError(f"cannot draw {k} of {len(probabilities)} episodes without replacement")
    uniform = torch.rand(len(probabilities), generator=generator, dtype=torch.float64)
    gumbel = -torch.log(-torch.log(uniform.clamp(min=1e-300)))
    scores = advantages.flatten().abs().double() / temperature + gumbel
    return scores.topk(k).indices


def returns_to_go(rewards: list[float], discount: float) -> list[float]:
    """G_t = Σ_{s ≥ t} γ^{s−t} r_s for each step of an episode."""
    result: list[float] = []
    total = 0.0
    for reward in reversed(rewards):
        total = reward + discount * total
        result.append(total)
    return result[::-1]
