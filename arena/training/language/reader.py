"""A causal language model as the trainer reads it: prompts and replies in, log-probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from arena_agents.base import Ids
from arena_agents.causal_lm.family import Family
from arena_agents.causal_lm.logprobs import read_replies


class Reader(nn.Module):
    """`read_replies` as a module's forward pass, so that what hooks on modules (FSDP) sees it begin."""

    def __init__(
        self, model: Any, *, temperature: float, pad_id: int, recompute: bool, family: Family, sharded: bool
    ) -> None:
        super().__init__()
        self.model = model
        self._read = partial(
            read_replies,
            temperature=temperature,
            pad_id=pad_id,
            recompute=recompute,
            family=family,
            # A layer that is read twice has been freed when the gradient comes to its first reading.
            share_beginning=not sharded,
        )

    def forward(self, prompts: Sequence[Ids], replies: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the replies' tokens and entropies at them, float32 (N, K) each."""
        return self._read(self.model, prompts, replies)
