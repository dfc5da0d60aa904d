"""How attention is computed: which of torch's kernels, and without copies of keys and values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

SHORT = 512  # tokens; what is kept of their attention is less than what a layer keeps otherwise


def avoid_cudnn() -> None:
    """Let torch choose other kernels than cuDNN's, in this process.

    cuDNN builds a plan for each new shape, tenths of a second each, and here the rows and the lengths of
    nearly every batch are new.
    """
    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)


class _Wanted(threading.local):
    """How many blocks this thread is in that want another attention than the kernel's."""

    grouped = 0
    plain = 0


_wanted = _Wanted()
_kernel = ALL_ATTENTION_FUNCTIONS["sdpa"]


def _attention(
    module: nn.Module, query_NHLE: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor | None]:
    """What the calling thread wants, where these tensors allow it; else the kernel's."""
    if mask is not None and options.get("position_bias") is None:
        if _wanted.grouped and query_NHLE.shape[2] == 1:
            return grouped_attention(query_NHLE, key, value, mask, options.get("scaling")), None
        gradient = query_NHLE.requires_grad and key.shape[2] <= SHORT
        if _wanted.plain and gradient and _half_on_cpu(query_NHLE):
            return plain_attention(query_NHLE, key, value, mask, options.get("scaling")), None
    attended: tuple[Tensor, Tensor | None] = _kernel(module, query_NHLE, key, value, mask, **options)
    return attended


# One for all threads, and an agent that has been given up on may still be within its own: so it is put in
# place once, for good, and asks who calls. Swapped back and forth by two of them, the wrong one would stay.
ALL_ATTENTION_FUNCTIONS["sdpa"] = _attention


@contextmanager
def grouped() -> Iterator[None]:
    """Inside, one token's attention reads the keys and values that a group of heads shares once.

    transformers copies them for each head where there is a mask.
    """
    _wanted.grouped += 1
    try:
        yield
    finally:
        _wanted.grouped -= 1


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


@contextmanager
def plain_for_gradients() -> Iterator[None]:
    """Inside, attention in half precision on a CPU is two products and a softmax, where it is short.

    torch's fused kernel takes four times as long on the way back there. What is kept for the gradient
    grows with the square of a text's length, so that longer ones are left to the kernel.
    """
    _wanted.plain += 1
    try:
        yield
    finally:
        _wanted.plain -= 1


def _half_on_cpu(query: Tensor) -> bool:
    return query.device.type == "cpu" and query.dtype in (torch.bfloat16, torch.float16)


def plain_attention(
    query_NHLE: Tensor, key_NGTE: Tensor, value_NGTE: Tensor, mask_N1LT: Tensor, scaling: float | None
) -> Tensor:
    """Attention (N, L, H, E) without a kernel of its own; groups of heads read their keys and values once."""
    rows, heads, length, width = query_NHLE.shape
    groups = key_NGTE.shape[1]
    each = heads // groups
    query_NGQE = query_NHLE.reshape(rows, groups, each * length, width) * (scaling or width**-0.5)
    scores = (query_NGQE @ key_NGTE.transpose(2, 3)).view(rows, groups, each, length, -1)
    if mask_N1LT.dtype == torch.bool:
        scores = scores.masked_fill(~mask_N1LT[:, :, None], torch.finfo(scores.dtype).min)
    else:
        scores = scores + mask_N1LT[:, :, None]
    attended = scores.softmax(-1).flatten(2, 3) @ value_NGTE
    return attended.view(rows, heads, length, -1).transpose(1, 2).contiguous()
