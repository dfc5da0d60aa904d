"""How attention is computed: which of torch's kernels, and without copies of keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


def avoid_cudnn() -> None:
    """Let torch choose other kernels than cuDNN's, in this process.

    cuDNN builds a plan for each new shape, tenths of a second each, and here the rows and the lengths of
    nearly every batch are new.
    """
    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)


@contextmanager
def grouped() -> Iterator[None]:
    """Inside, one token's attention reads the keys and values that a group of heads shares once.

    transformers copies them for each head where there is a mask.
    """
    whole = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attend(
        module: nn.Module, query_NHLE: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, Tensor | None]:
        if query_NHLE.shape[2] != 1 or mask is None or options.get("position_bias") is not None:
            attended: tuple[Tensor, Tensor | None] = whole(module, query_NHLE, key, value, mask, **options)
            return attended
        return grouped_attention(query_NHLE, key, value, mask, options.get("scaling")), None

    ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = whole


def grouped_attention(
    query_NH1E: Tensor, key_NGTE: Tensor, value_NGTE: Tensor, mask_N11T: Tensor, scaling: float | None
) -> Tensor:
    """Attention of one token a row, (N, 1, H, E): the H / G heads of a group are rows of one product."""
    rows, heads, _, width = query_NH1E.shape
    groups = key_NGTE.shape[1]
    query_NGRE = query_NH1E.reshape(rows, groups, heads // groups, width)
    attended = functional.scaled_dot_product_attention(
        query_NGRE, key_NGTE, value_NGTE, attn_mask=mask_N11T, scale=scaling
    )
    return attended.reshape(rows, 1, heads, value_NGTE.shape[-1])
