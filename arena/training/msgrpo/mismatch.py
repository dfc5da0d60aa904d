"""Weights for tokens that an engine drew from a little another policy than the trainer's.

With w = π_trainer / π_engine of a token (of a whole reply: the product), and C_lo, C_hi the bounds:

    truncate      w' = min(w, C_hi)              a token   truncated importance sampling, Ionides 2008
    mask_tokens   w' = w · 1[C_lo ≤ w ≤ C_hi]    a token   IcePop, arXiv 2510.18855
    mask_replies  w' = W · 1[C_lo ≤ W ≤ C_hi]    a reply   masked importance sampling (TRL's sequence_mask)

What differs that much tells more of rounding than of the policy: a mask leaves it out of the update.

With `staleness` the policy that played, μ, is also an update behind π_old, with which the update begins. Then
the same weights decouple the two, as in arXiv 2110.00641 (where π_old is called π_prox):

    J = mean w' min(ρ A, clip(ρ, 1−ε_low, 1+ε_high) A),   w = π_old / μ,   ρ = π_θ / π_old

so that what is clipped is how far this update moves, not how old the episodes are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from arena.training.msgrpo.batch import TokenBatch

How = Literal["truncate", "mask_tokens", "mask_replies"]


def with_trainer_logprobs(
    batch: TokenBatch, trainer_UK: Tensor, cap: float, *, floor: float = 0.5, how: How = "truncate"
) -> tuple[TokenBatch, float]:
    """The batch with the trainer's own π_old (U, K), for tokens that an engine drew with its kernels.

    Each token is weighed as the head of this file says, C_lo = `floor` and C_hi = `cap`, so that up to
    the bounds the tokens count as drawn from the trainer's π_old.
    Also returns the mean |log π_trainer − log π_engine| in nats a token.
    """
    real_NK = batch.weights_NK > 0
    trainer_NK = trainer_UK[batch.sequence_N]
    log_ratio_NK = torch.where(real_NK, trainer_NK - batch.old_logprobs_NK, 0.0)
    mismatch = float(log_ratio_NK.abs().sum() / real_NK.sum())
    importance_NK = _importance(log_ratio_NK, cap, floor, how)
    return replace(batch, old_logprobs_NK=trainer_NK, importance_NK=importance_NK), mismatch


def _importance(log_ratio_NK: Tensor, cap: float, floor: float, how: How) -> Tensor:
    if how == "truncate":
        return log_ratio_NK.exp().clamp(max=cap)
    if how == "mask_replies":
        log_ratio_NK = log_ratio_NK.sum(dim=1, keepdim=True).expand_as(log_ratio_NK)
    ratio_NK = log_ratio_NK.exp()
    return torch.where((ratio_NK >= floor) & (ratio_NK <= cap), ratio_NK, 0.0)


def masked_share(batch: TokenBatch) -> float | None:
    """The share of the drawn tokens that count for nothing; None if none was weighed."""
    if batch.importance_NK is None:
        return None
    real_NK = batch.weights_NK > 0
    return float(((batch.importance_NK == 0) & real_NK).sum() / real_NK.sum())
