"""The parts of a causal language model that a forward pass may leave out or put off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer


def causal_model(model: Any) -> Any:
    """The causal language model itself, out of what an adapter wraps around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def decoder(model: Any) -> Any:
    """The part of a causal language model that ends before the output layer, or None if none is known."""
    whole = causal_model(model)
    found = (whole.get_decoder(), whole.base_model, getattr(whole, "model", None))
    # Some families answer with themselves, or with the output layer.
    return next((part for part in found if isinstance(part, PreTrainedModel) and part is not whole), None)


def decoder_layers(model: nn.Module) -> list[Any]:
    """The layers that may each be computed, or held, by itself."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


@contextmanager
def ends_only(model: Any, keep: int) -> Iterator[None]:
    """Inside, the states of the last layer are right only at the last `keep` positions.

    After its attention no position reads another, so its feed-forward block computes those alone: of a
    model of four layers that is a sixth of all work. Without a block called `mlp` nothing changes.
    """
    layers = getattr(decoder(model), "layers", None)
    block = getattr(layers[-1], "mlp", None) if layers else None
    if block is None:
        yield
        return
    whole = block.forward

    def at_the_ends(states_NSH: Tensor) -> Tensor:
        after_NKH: Tensor = whole(states_NSH[:, -keep:].contiguous())
        return functional.pad(after_NKH, (0, 0, states_NSH.shape[1] - after_NKH.shape[1], 0))

    block.forward = at_the_ends
    try:
        yield
    finally:
        del block.forward


@contextmanager
def recomputed_layers(
    model: nn.Module, within: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[None]:
    """Inside, each decoder layer keeps only its input and is computed again for the gradient, `within` that.

    transformers' own switch works in training mode alone, where dropout would part π_θ from π_old,
    and takes the cache away. The gradient may be asked for outside the block, and outside of all that it
    stands in: what changes how a layer computes is to be entered again by `within`.
    """
    layers = decoder_layers(model)
    again = partial(
        checkpoint,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), within()),
    )
    for layer in layers:
        layer.forward = partial(again, layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


@torch.no_grad()
def has_plain_head(model: Any) -> bool:
    """Whether the logits are the output layer's of the last states, uncapped and unscaled.

    Some families (Gemma 2, Cohere, Granite) change them afterwards: their logits come from the model whole.
    """
    whole = causal_model(model)
    head, body = whole.get_output_embeddings(), decoder(model)
    if head is None or body is None:
        return False
    # Several tokens: the padding token's states may be zero, which no cap or scale changes.
    ids = torch.arange(min(8, head.weight.shape[0]), device=next(whole.parameters()).device)[None]
    states = body(input_ids=ids, use_cache=False).last_hidden_state
    logits = whole(input_ids=ids, use_cache=False).logits
    return bool(states.shape[:2] == logits.shape[:2] and torch.equal(head(states), logits))
