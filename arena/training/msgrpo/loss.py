"""The MS-GRPO objective, eq. (1) of arXiv 2508.10839, as a loss over a batch of steps.

    J(θ) = mean_j mean_t mean_k [ min(ρ A_j, clip(ρ, 1−ε_low, 1+ε_high) A_j) − β k3 ]

N steps of several episodes stand one under the other; K is the longest reply.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["episode_mean_weights", "msgrpo_loss", "token_mean_weights", "weighted_loss"]


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
        clip_low=clip_low,
        clip_high=clip_high,
        beta=beta,
    )
    moved_NK = _k3(old_logprobs_NK, logprobs_NK.detach(), weights_NK > 0)
    return loss, {"kl": (weights_NK * moved_NK).sum(), **stats}


def weighted_loss(
    logprobs_NK: Tensor,
    old_logprobs_NK: Tensor,
    ref_logprobs_NK: Tensor | None,
    weights_NK: Tensor,
    advantages_N: Tensor,
    *,
    clip_low: float,
    clip_high: float,
    beta: float,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The same with the tokens' weights given, so that a batch may be summed in parts; without `kl`."""
    if beta > 0 and ref_logprobs_NK is None:
        raise ValueError("a KL penalty (beta > 0) needs reference log-probabilities")
    real_NK = weights_NK > 0
    ratio_NK = torch.exp(torch.where(real_NK, logprobs_NK - old_logprobs_NK, 0.0))
    advantages_N1 = advantages_N[:, None]
    clipped_NK = ratio_NK.clamp(1 - clip_low, 1 + clip_high)
    gain_NK = torch.minimum(ratio_NK * advantages_N1, clipped_NK * advantages_N1)
    stats = {
        "clip_fraction": (weights_NK * (clipped_NK != ratio_NK)).sum().detach(),
    }
    if ref_logprobs_NK is not None:
        penalty_NK = _k3(ref_logprobs_NK, logprobs_NK, real_NK)
        gain_NK = gain_NK - beta * penalty_NK
        stats["ref_kl"] = (weights_NK * penalty_NK).sum().detach()
    return -(weights_NK * gain_NK).sum(), stats


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
