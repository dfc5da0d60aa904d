"""Advantages of whole episodes, and which episodes to train on: AAW episode sampling.

Pure functions of tensors. Source: arXiv 2508.10839; the weights of a draw without replacement are those of
Kool, van Hoof, Welling, 'Stochastic Beams and Where to Find Them' (ICML 2019), section 4.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "aaw_probabilities",
    "aaw_sample",
    "group_advantages",
    "informative_groups",
    "returns_to_go",
    "weighted_aaw_sample",
]

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
    return _perturbed(advantages, temperature, generator).topk(k).indices


def weighted_aaw_sample(
    advantages: Tensor,
    *,
    k: int,
    temperature: float,
    generator: torch.Generator,
    replacement: bool = False,
) -> tuple[Tensor, Tensor]:
    """The draw of `aaw_sample`, and weights (k,) under which its mean is in expectation that of all n.

    E[Σ_drawn w_j f_j / k] = Σ_all f_j / n for any f. With replacement w_j = 1 / (n P_j). Without it
    w_j = k / (n q_j(κ)), where κ is the (k+1)-th largest perturbed score and q_j(κ) the probability that
    episode j's own exceeds it: given the others' scores, that is j's chance of being drawn.
    """
    n = advantages.numel()
    if replacement:
        chosen = aaw_sample(advantages, k=k, temperature=temperature, generator=generator, replacement=True)
        return chosen, 1 / (n * aaw_probabilities(advantages.double(), temperature)[chosen])
    if not 0 <= k <= n:
        raise ValueError(f"cannot draw {k} of {n} episodes without replacement")
    scores = _perturbed(advantages, temperature, generator)
    chosen = scores.topk(k).indices
    if k == n:
        return chosen, torch.ones(n, dtype=torch.float64)
    threshold = scores.topk(k + 1).values[-1]
    return chosen, k / (n * exceedance(advantages, temperature, threshold)[chosen])


def exceedance(advantages: Tensor, temperature: float, threshold: Tensor) -> Tensor:
    """q_j(κ) = 1 − exp(−exp(|A_j| / T_ep − κ)), float64: how likely a perturbed score exceeds κ."""
    return -torch.expm1(-torch.exp(advantages.flatten().abs().double() / temperature - threshold))


def _perturbed(advantages: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """|A_j| / T_ep + Gumbel noise, (N,) float64."""
    uniform = torch.rand(advantages.numel(), generator=generator, dtype=torch.float64)
    gumbel = -torch.log(-torch.log(uniform.clamp(min=1e-300)))
    return advantages.flatten().abs().double() / temperature + gumbel


def returns_to_go(rewards: list[float], discount: float) -> list[float]:
    """G_t = Σ_{s ≥ t} γ^{s−t} r_s for each step of an episode."""
    result: list[float] = []
    total = 0.0
    for reward in reversed(rewards):
        total = reward + discount * total
        result.append(total)
    return result[::-1]
