"""The MS-GRPO objective, eq. (1) of arXiv 2508.10839, as a loss over a batch of steps.

    J(θ) = mean_j mean_t mean_k [ min(ρ A_j, clip(ρ, 1−ε_low, 1+ε_high) A_j) − β k3 ]

N steps of several episodes stand one under the other; K is the longest reply. Options of `Objective`:

    trust_region=tv   in place of the clip: no gradient from tokens whose probability has moved too far,
                      1[not (A > 0 and π_θ − π_old > δ_high) and not (A < 0 and π_θ − π_old < −δ_low)] ρ A
                      DPPO's binary total variation, arXiv 2602.04879. A ratio's clip is wide for likely
                      tokens and narrow for rare ones; a reply of an action has likely tokens
    unbiased_k3       ρ k3 in place of k3: its gradient is the KL's off policy too, DeepSeek-V3.2, 2512.02556
    entropy           + α H(π_θ(· | ·)) per token, by its score function ρ sg(−log π_θ − H): the gradient is
                      H's in expectation, and no gradient has to flow through a whole vocabulary
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Objective", "episode_mean_weights", "msgrpo_loss", "token_mean_weights", "weighted_loss"]

MOST_RATIO = 20.0  # truncates ρ where no clip does


@dataclass(frozen=True, slots=True)
class Objective:
    """Which objective the loss is of: the names and symbols of the equations above."""

    clip_low: float = 0.2
    clip_high: float = 0.2
    beta: float = 0.0
    trust_region: Literal["clip", "tv"] = "clip"
    tv_low: float = 0.2
    tv_high: float = 0.2
    unbiased_kl: bool = False
    entropy: float = 0.0


def msgrpo_loss(
    logprobs_NK: Tensor,
    old_logprobs_NK: Tensor,
    ref_logprobs_NK: Tensor | None,
    mask_NK: Tensor,
    advantages_N: Tensor,
    episode_N: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    beta: float = 0.0,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The loss −J and its statistics.

    `episode_N` (long) names each step's episode; the mean is over a reply's tokens, then over an
    episode's steps, then over episodes. `ref_logprobs_NK` may be None when beta is 0. The
    statistics are token-weighted likewise: `kl` to π_old (k3), `ref_kl`, `clip_fraction`.
    Raises ValueError if beta is positive without reference log-probabilities.
    """
    weights_NK = episode_mean_weights(mask_NK, episode_N)
    loss, stats = weighted_loss(
        logprobs_NK,
        old_logprobs_NK,
        ref_logprobs_NK,
        weights_NK,
        advantages_N,
        Objective(clip_low, clip_high, beta),
    )
    moved_NK = _k3(old_logprobs_NK, logprobs_NK.detach(), weights_NK > 0)
    return loss, {"kl": (weights_NK * moved_NK).sum(), **stats}


def weighted_loss(
    logprobs_NK: Tensor,
    old_logprobs_NK: Tensor,
    ref_logprobs_NK: Tensor | None,
    weights_NK: Tensor,
    advantages_N: Tensor,
    objective: Objective,
    entropy_NK: Tensor | None = None,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The same with the tokens' weights given, so that a batch may be summed in parts; without `kl`.

    `entropy_NK`, H at each token, is needed for an entropy bonus. `clip_fraction` counts the tokens outside
    the trust region, whichever it is.
    """
    if objective.beta > 0 and ref_logprobs_NK is None:
        raise ValueError("a KL penalty (beta > 0) needs reference log-probabilities")
    real_NK = weights_NK > 0
    ratio_NK = torch.exp(torch.where(real_NK, logprobs_NK - old_logprobs_NK, 0.0))
    gain_NK, outside_NK = _gain(ratio_NK, old_logprobs_NK, advantages_N[:, None], objective)
    stats = {
        "clip_fraction": (weights_NK * outside_NK).sum().detach(),
    }
    if ref_logprobs_NK is not None:
        penalty_NK = _k3(ref_logprobs_NK, logprobs_NK, real_NK)
        weighed_NK = ratio_NK * penalty_NK if objective.unbiased_kl else penalty_NK
        gain_NK = gain_NK - objective.beta * weighed_NK
        stats["ref_kl"] = (weights_NK * penalty_NK).sum().detach()
    if objective.entropy > 0:
        if entropy_NK is None:
            raise ValueError("an entropy bonus needs the entropies")
        surprise_NK = torch.where(real_NK, -logprobs_NK - entropy_NK, 0.0).detach()
        gain_NK = gain_NK + objective.entropy * ratio_NK * surprise_NK
    return -(weights_NK * gain_NK).sum(), stats


def _gain(
    ratio_NK: Tensor, old_logprobs_NK: Tensor, advantages_N1: Tensor, objective: Objective
) -> tuple[Tensor, Tensor]:
    """What is to grow, token by token, and which tokens are outside the trust region."""
    if objective.trust_region == "clip":
        clipped_NK = ratio_NK.clamp(1 - objective.clip_low, 1 + objective.clip_high)
        return torch.minimum(ratio_NK * advantages_N1, clipped_NK * advantages_N1), clipped_NK != ratio_NK
    moved_NK = (ratio_NK.detach() - 1) * old_logprobs_NK.exp()  # π_θ − π_old
    outside_NK = torch.where(advantages_N1 > 0, moved_NK > objective.tv_high, moved_NK < -objective.tv_low)
    weight_NK = (MOST_RATIO / ratio_NK.detach()).clamp(max=1.0)  # so that ρ's gradient is truncated as ρ is
    return torch.where(outside_NK, 0.0, weight_NK * ratio_NK * advantages_N1), outside_NK


def _k3(reference_NK: Tensor, logprobs_NK: Tensor, real_NK: Tensor) -> Tensor:
    """k3 = π_ref/π_θ − log(π_ref/π_θ) − 1, an estimate of KL(π_θ ‖ π_ref) that is never negative."""
    log_ratio_NK = torch.where(real_NK, reference_NK - logprobs_NK, 0.0)
    return torch.sub(torch.expm1(log_ratio_NK), log_ratio_NK)


def episode_mean_weights(mask_NK: Tensor, episode_N: Tensor) -> Tensor:
    """Weights (N, K) of the mean over tokens, then steps, then episodes; they sum to 1."""
    _, inverse_N, counts_E = torch.unique(episode_N, return_inverse=True, return_counts=True)
    tokens_N1 = mask_NK.sum(dim=1, keepdim=True).clamp(min=1)
    weights_NK: Tensor = mask_NK / tokens_N1 / counts_E[inverse_N][:, None] / len(counts_E)
    return weights_NK


def token_mean_weights(mask_NK: Tensor) -> Tensor:
    """Weights (N, K) of the plain mean over all tokens of the batch; they sum to 1."""
    return mask_NK / mask_NK.sum().clamp(min=1)
