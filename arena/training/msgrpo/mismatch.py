"""Weights for tokens that an engine drew from a little another policy than the trainer's."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from arena.training.msgrpo.batch import TokenBatch


def with_trainer_logprobs(batch: TokenBatch, trainer_UK: Tensor, cap: float) -> tuple[TokenBatch, float]:
    """The batch with the trainer's own π_old (U, K), for tokens that an engine drew with its kernels.

    Each token is weighed by min(π_trainer / π_engine, cap), importance sampling truncated as by
    Ionides (2008), so that up to the truncation the tokens count as drawn from the trainer's π_old.
    Also returns the mean |log π_trainer − log π_engine| in nats a token.
    """
    real_NK = batch.weights_NK > 0
    trainer_NK = trainer_UK[batch.sequence_N]
    log_ratio_NK = torch.where(real_NK, trainer_NK - batch.old_logprobs_NK, 0.0)
    mismatch = float(log_ratio_NK.abs().sum() / real_NK.sum())
    importance_NK = log_ratio_NK.exp().clamp(max=cap)
    return replace(batch, old_logprobs_NK=trainer_NK, importance_NK=importance_NK), mismatch
