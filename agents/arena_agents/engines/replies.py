"""What a model says of replies that are already written, with gradients and in little memory.

Three things would fill a GPU at 3 B parameters and 152,000 tokens of vocabulary, and none is kept:
what each layer computed (on demand it is computed again on the way back), the beginning that all
prompts share (read once), and the logits (a few tokens at a time, only where a reply token is
predicted). Log-probabilities and gradients are those of the plain pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.cache_utils import Cache, DynamicLayer
from transformers.modeling_layers import GradientCheckpointingLayer

from arena_agents.engines.forward import Ids, left_padded, shared_prefix

# Logits computed at a time: 256 MiB in float32.
CHUNK_LOGITS = 2**26


class _Beginning(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values of the shared beginning, kept from the first reading."""

    keys: Any
    values: Any

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if self.keys is None:
            self.keys, self.values, self.is_initialized = keys, values, True
        return keys, values


class _Continuation(DynamicLayer):  # type: ignore[misc]
    """The beginning's keys and values before those of each row.

    Unlike a cache that grows, it may be asked again: a layer that is recomputed sees the same.
    """

    def __init__(self, beginning: _Beginning) -> None:
        super().__init__()
        self.keys, self.values, self.is_initialized = beginning.keys, beginning.values, True

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        rows = len(keys)
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), keys], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), values], dim=-2),
        )


def read_replies(
    model: Any,
    prompts: Sequence[Ids],
    replies: Sequence[Ids],
    *,
    temperature: float = 1.0,
    pad_id: int = 0,
    recompute: bool = False,
    plain_head: bool = True,
    chunk_logits: int = CHUNK_LOGITS,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the replies' tokens and entropies at them, float32 (N, K) each.

    Both are 0 beyond a reply's end; entropies carry no gradient. `model` is a causal language
    model with or without an adapter. `recompute` keeps of each layer only its input until the
    gradient needs the rest. Without `plain_head` (see there) all replies' logits are held at once.
    """
    whole = causal_model(model)
    longest = max(len(reply) for reply in replies)
    rows = [[*prompt, *reply[:-1]] for prompt, reply in zip(prompts, replies, strict=True)]
    with recomputed_layers(whole) if recompute else nullcontext():
        if plain_head:
            # A prompt's last token predicts the first of its reply, so it is never shared.
            states_NSH = last_states(whole, rows, pad_id, limit=min(map(len, prompts)) - 1)
        else:
            states_NSH = all_logits(whole, rows, pad_id, keep=longest)
    head = whole.get_output_embeddings() if plain_head else nn.Identity()
    lengths_N1 = torch.tensor([[len(reply)] for reply in replies], device=states_NSH.device)
    steps_K = torch.arange(longest, device=states_NSH.device)
    # Rows end together: the states that predict a reply are the last ones of its row.
    predicting_NK = steps_K >= longest - lengths_N1
    ids_M = torch.tensor([token for reply in replies for token in reply], device=states_NSH.device)
    size = max(1, chunk_logits // int(whole.get_output_embeddings().weight.shape[0]))
    scores_2M = _scores(head, states_NSH[:, -longest:][predicting_NK], ids_M, temperature, size)
    real_NK = steps_K < lengths_N1
    empty_NK = torch.zeros(real_NK.shape, device=states_NSH.device)
    logprobs_M, entropy_M = scores_2M[0], scores_2M[1].detach()
    return empty_NK.masked_scatter(real_NK, logprobs_M), empty_NK.masked_scatter(real_NK, entropy_M)


def last_states(whole: Any, rows: Sequence[Ids], pad_id: int, *, limit: int) -> Tensor:
    """The last layer's states (N, S, H) of the rows, padded on the left.

    S leaves out the beginning that all rows share, up to `limit` tokens, which is read only once.
    """
    device = next(whole.parameters()).device
    decoder = whole.get_decoder()
    shared = shared_prefix(rows, limit) if len(rows) > 1 else 0
    cache = None
    if shared:
        beginning = Cache(layer_class_to_replicate=_Beginning)
        head = torch.tensor([list(rows[0][:shared])], device=device)
        decoder(input_ids=head, past_key_values=beginning, use_cache=True)
        cache = Cache(layers=[_Continuation(layer) for layer in beginning.layers])
    ids_NS, real_NS = left_padded([row[shared:] for row in rows], pad_id, device)
    attention_NT = torch.cat([real_NS.new_ones(len(rows), shared), real_NS], dim=1)
    states: Tensor = decoder(
        input_ids=ids_NS,
        attention_mask=attention_NT,
        position_ids=(attention_NT.cumsum(1) - 1).clamp(min=0)[:, shared:],
        past_key_values=cache,
        use_cache=cache is not None,
    ).last_hidden_state
    return states


def all_logits(whole: Any, rows: Sequence[Ids], pad_id: int, *, keep: int) -> Tensor:
    """The logits (N, keep, V) at the last positions of the rows, by the model's own forward pass."""
    ids_NS, real_NS = left_padded(rows, pad_id, next(whole.parameters()).device)
    positions_NS = (real_NS.cumsum(1) - 1).clamp(min=0)
    logits_NKV: Tensor = whole(
        input_ids=ids_NS,
        attention_mask=real_NS,
        position_ids=positions_NS,
        use_cache=False,
        logits_to_keep=keep,
    ).logits
    return logits_NKV


def _scores(head: nn.Module, states_MH: Tensor, ids_M: Tensor, temperature: float, size: int) -> Tensor:
    """Log-probability and entropy (2, M) of each token, `size` tokens at a time."""
    chunks = zip(torch.split(states_MH, size), torch.split(ids_M, size), strict=True)
    score = partial(checkpoint, _score, use_reentrant=False, preserve_rng_state=False)
    return torch.cat([score(head, states, ids, temperature) for states, ids in chunks], dim=1)


def _score(head: nn.Module, states_MH: Tensor, ids_M: Tensor, temperature: float) -> Tensor:
    logprobs_MV = torch.log_softmax(head(states_MH).float() / temperature, dim=-1)
    with torch.no_grad():
        entropy_M = -(logprobs_MV.exp() * logprobs_MV).sum(-1)
    return torch.stack([logprobs_MV.gather(-1, ids_M[:, None]).squeeze(1), entropy_M])


@contextmanager
def recomputed_layers(model: nn.Module) -> Iterator[None]:
    """Inside, each decoder layer keeps only its input and is computed again for the gradient.

    transformers' own switch works in training mode alone, where dropout would part π_θ from π_old,
    and takes the cache away. The gradient may be asked for outside the block.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def causal_model(model: Any) -> Any:
    """The causal language model itself, out of what an adapter wraps around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@torch.no_grad()
def has_plain_head(model: Any) -> bool:
    """Whether the logits are the output layer's of the last states, uncapped and unscaled.

    Some families (Gemma 2, Cohere, Granite) change them afterwards: their logits come from the model whole.
    """
    whole = causal_model(model)
    head = whole.get_output_embeddings()
    # Several tokens: the padding token's states may be zero, which no cap or scale changes.
    ids = torch.arange(min(8, head.weight.shape[0]), device=next(whole.parameters()).device)[None]
    states = whole.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    logits = whole(input_ids=ids, use_cache=False).logits
    return bool(torch.equal(head(states), logits))
