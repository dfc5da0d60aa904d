"""One forward pass over prompts and replies, without wasted work.

The tokens that all prompts begin with are computed once and shared, logits are computed only
where a reply token is predicted, and gradients are the same as those of the plain pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from arena_agents.base import Ids
from arena_agents.causal_lm.beginnings import Beginnings
from arena_agents.causal_lm.decoder import ends_only
from arena_agents.causal_lm.packing import pack
from arena_agents.causal_lm.trees import ReplyTree, reply_tree

# A shorter shared beginning is not worth a pass of its own.
MIN_SHARED = 8
NO_TREE = reply_tree([])


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Everything the model has read so far: one row a sequence, padded on the left.

    `real_NT` marks real tokens, `lengths_N` counts them, `logits_NLV` are the last L positions':
    after a tree of drafts, those of the prompt's last token and of the D nodes.
    """

    cache: DynamicCache
    real_NT: Tensor
    lengths_N: Tensor
    logits_NLV: Tensor


def shared_prefix(rows: Sequence[Ids], limit: int | None = None) -> int:
    """How many leading tokens all rows share: at most `limit`, leaving each row one of its own."""
    first, last = min(map(list, rows)), max(map(list, rows))
    limit = min(len(row) - 1 for row in rows) if limit is None else limit
    for index in range(limit):
        if first[index] != last[index]:
            return index if index >= MIN_SHARED else 0
    return limit if limit >= MIN_SHARED else 0


def prefill(
    model: nn.Module,
    rows: Sequence[Ids],
    *,
    keep: int,
    pad_id: int = 0,
    limit: int | None = None,
    tree: ReplyTree = NO_TREE,
    ends: bool = True,
    beginnings: Beginnings | None = None,
) -> Prefilled:
    """Read the rows; logits are returned for the last `keep` positions of each.

    No more than `limit` leading tokens are shared, as no logits come from there. A `tree` is read
    after every row, and leaves nothing in the cache; its logits are returned beside the `keep`.
    With `ends` no more than these positions are computed to the end. With `beginnings`, which carry no
    gradient, what they keep is not read again, and what is read is kept.
    """
    device = next(model.parameters()).device
    plan = beginnings and beginnings.begin(
        rows, lambda texts: prefill(model, texts, keep=1, beginnings=beginnings)
    )
    if beginnings and plan:
        cache, read = beginnings.cache(plan)
    else:
        shared = shared_prefix(rows, limit) if len(rows) > 1 else 0
        cache, read = DynamicCache(), [shared] * len(rows)
        if shared:
            head = torch.tensor([list(rows[0][:shared])], device=device)
            model(input_ids=head, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache.batch_repeat_interleave(len(rows))
    packed = pack(rows, [tree] * len(rows), read, pad_id, device)
    with ends_only(model, keep + len(tree.tokens)) if keep and ends else nullcontext():
        out: Any = model(
            input_ids=packed.ids_NL,
            attention_mask=packed.mask,
            position_ids=packed.positions_NL,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep and keep + len(tree.tokens),
        )
    if tree.tokens:
        cache.crop(-len(tree.tokens))
    if beginnings and plan:
        beginnings.keep(cache, plan)
    return Prefilled(cache, packed.real_NT, packed.real_NT.sum(1), out.logits)


def extend(model: nn.Module, read: Prefilled, ids_N: Tensor) -> Prefilled:
    """Read one more token of each row."""
    real_NT = torch.cat([read.real_NT, torch.ones_like(read.real_NT[:, :1])], dim=1)
    out: Any = model(
        input_ids=ids_N[:, None],
        attention_mask=real_NT,
        position_ids=read.lengths_N[:, None],
        past_key_values=read.cache,
        use_cache=True,
    )
    return Prefilled(read.cache, real_NT, read.lengths_N + 1, out.logits)


def select(read: Prefilled, rows_N: Tensor) -> Prefilled:
    """The same, for these rows (which may repeat)."""
    rows_N = rows_N.to(read.logits_NLV.device)
    read.cache.batch_select_indices(rows_N)
    return Prefilled(read.cache, read.real_NT[rows_N], read.lengths_N[rows_N], read.logits_NLV[rows_N])


def reply_logits(
    model: nn.Module, prompts: Sequence[Ids], replies: Sequence[Ids], *, pad_id: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits that predict each reply token.

    Returns `logits_NKV`, the reply's token ids `ids_NK` and `mask_NK` (1.0 at real tokens), with
    replies aligned on the left and K the longest reply.
    """
    longest = max(len(reply) for reply in replies)
    rows = [[*prompt, *reply[:-1]] for prompt, reply in zip(prompts, replies, strict=True)]
    limit = min(len(prompt) for prompt in prompts) - 1  # a prompt's last token predicts a reply's first
    logits_NLV = prefill(model, rows, keep=longest, pad_id=pad_id, limit=limit).logits_NLV
    device = logits_NLV.device
    lengths_N = torch.tensor([len(reply) for reply in replies], device=device)
    steps_K = torch.arange(longest, device=device)
    # Rows end together, so a shorter reply begins later among the kept positions.
    places_NK = (longest - lengths_N[:, None] + steps_K).clamp(max=longest - 1)
    logits_NKV = logits_NLV.gather(1, places_NK[..., None].expand(-1, -1, logits_NLV.shape[-1]))
    ids = [[*reply, *[pad_id] * (longest - len(reply))] for reply in replies]
    mask_NK = (steps_K < lengths_N[:, None]).to(logits_NKV.dtype)
    return logits_NKV, torch.tensor(ids, device=device), mask_NK


def token_logprobs(logits_NKV: Tensor, ids_NK: Tensor) -> Tensor:
    """Log-probability of each token, (N, K), in float32."""
    return torch.log_softmax(logits_NKV.float(), dim=-1).gather(-1, ids_NK[..., None]).squeeze(-1)
