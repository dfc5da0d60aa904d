"""What a model says of replies that are already written, with gradients and in little memory.

What repeats is read once: the beginning that all prompts share, a prompt with several replies, and what
those begin alike with. Two things would fill a GPU at 3 B parameters and 152,000 tokens of vocabulary, and
neither is kept: what each layer computed (on demand it is computed again on the way back), and the
logits (a few tokens at a time, only where a reply token is predicted). Log-probabilities and gradients
are those of the plain pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.cache_utils import Cache, DynamicLayer

from arena_agents.base import Ids
from arena_agents.causal_lm.attention import plain_for_gradients
from arena_agents.causal_lm.beginnings import Beginnings, Plan
from arena_agents.causal_lm.decoder import causal_model, decoder, ends_only, recomputed_layers
from arena_agents.causal_lm.family import Family, ShortCuts
from arena_agents.causal_lm.forward import prefill, shared_prefix
from arena_agents.causal_lm.packing import pack
from arena_agents.causal_lm.plain import plain_scores
from arena_agents.causal_lm.precision import in_model_precision
from arena_agents.causal_lm.trees import ReplyTree, reply_tree, takes_trees

# Logits computed at a time: 256 MiB in float32.
CHUNK_LOGITS = 2**26
ANY = Family("a model")


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


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A prompt and a tree of replies to it, which are read together; `members` are the replies' numbers."""

    prompt: Ids
    members: tuple[int, ...]
    tree: ReplyTree


def reply_rows(prompts: Sequence[Ids], replies: Sequence[Ids], *, branching: bool) -> list[ReplyRow]:
    """Replies to the same prompt in one row, as long as they take no more room than the prompt.

    Without `branching` each has a row of its own, for models that cannot read a tree.
    """
    rows: list[ReplyRow] = []
    for prompt, members in _by_prompt(prompts).items():
        room = len(prompt) if branching else 0
        for together in _within(room, members, replies):
            tree = reply_tree(replies[member] for member in together)
            rows.append(ReplyRow(prompt, tuple(together), tree))
    return rows


def padded_tokens(rows: Sequence[ReplyRow]) -> int:
    """How many tokens, padding included, a pass over these rows computes at most."""
    widest = max(len(row.prompt) for row in rows) + max(len(row.tree.tokens) for row in rows)
    return len(rows) * widest


def in_passes(rows: Sequence[ReplyRow], most_tokens: int) -> Iterator[list[ReplyRow]]:
    """Rows of similar length, as many at a time as take at most `most_tokens` padded tokens, or one."""
    together: list[ReplyRow] = []
    for row in sorted(rows, key=lambda row: len(row.prompt) + len(row.tree.tokens)):
        if together and padded_tokens([*together, row]) > most_tokens:
            yield together
            together = []
        together.append(row)
    if together:
        yield together


def _by_prompt(prompts: Sequence[Ids]) -> dict[tuple[int, ...], list[int]]:
    found: dict[tuple[int, ...], list[int]] = {}
    for member, prompt in enumerate(prompts):
        found.setdefault(tuple(prompt), []).append(member)
    return found


def _within(room: int, members: list[int], replies: Sequence[Ids]) -> Iterator[list[int]]:
    """The members in order, as many at a time as have room for all of their tokens, or one."""
    together: list[int] = []
    for member in members:
        if together and sum(len(replies[other]) for other in (*together, member)) > room:
            yield together
            together = []
        together.append(member)
    yield together


def read_replies(
    model: Any,
    prompts: Sequence[Ids],
    replies: Sequence[Ids],
    *,
    family: Family = ANY,
    temperature: float = 1.0,
    pad_id: int = 0,
    recompute: bool = False,
    share_beginning: bool = True,
    beginnings: Beginnings | None = None,
    chunk_logits: int = CHUNK_LOGITS,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the replies' tokens and entropies at them, float32 (N, K) each.

    Both are 0 beyond a reply's end; entropies carry no gradient. `model` is a causal language
    model with or without an adapter, of this `family`: with its short cuts where they reach, else plainly.
    `recompute` keeps of each layer only its input until the gradient needs the rest. Without a plain head
    all replies' logits are held at once, without `share_beginning` what all prompts begin with is read for
    each of them. Where no gradient is wanted, what `beginnings` keep of the prompts is not read again.
    Raises UsageError for texts that the family cannot read.
    """
    whole = causal_model(model)
    # A layer that is computed again, on the way back, would not know of what was left out.
    cuts = replace(family.short_cuts, ends=family.short_cuts.ends and not recompute)
    if not share_beginning:
        cuts = replace(cuts, shared=0)
    computed = partial(_for_gradients, model)
    with computed(), recomputed_layers(whole, computed) if recompute else nullcontext():
        if widest(prompts, replies) <= cuts.longest:
            said_MX = _by_short_cuts(
                whole, prompts, replies, cuts, pad_id, beginnings, plain_head=family.plain_head
            )
        else:
            said_MX = plain_scores(whole, prompts, replies, family.plain_path(), states=family.plain_head)
    ids_M = torch.tensor([token for reply in replies for token in reply], device=said_MX.device)
    head = whole.get_output_embeddings() if family.plain_head else nn.Identity()
    vocabulary = int(whole.config.get_text_config().vocab_size)
    scores_2M = _scores(head, said_MX, ids_M, temperature, max(1, chunk_logits // vocabulary))
    lengths_N1 = torch.tensor([[len(reply)] for reply in replies], device=said_MX.device)
    real_NK = torch.arange(int(lengths_N1.max()), device=said_MX.device) < lengths_N1
    empty_NK = torch.zeros(real_NK.shape, device=said_MX.device)
    logprobs_M, entropy_M = scores_2M[0], scores_2M[1].detach()
    return empty_NK.masked_scatter(real_NK, logprobs_M), empty_NK.masked_scatter(real_NK, entropy_M)


@contextmanager
def _for_gradients(model: Any) -> Iterator[None]:
    """Inside, a forward pass is computed as is best where a gradient is wanted of it."""
    with in_model_precision(model), plain_for_gradients():
        yield


def _by_short_cuts(
    whole: Any,
    prompts: Sequence[Ids],
    replies: Sequence[Ids],
    cuts: ShortCuts,
    pad_id: int,
    beginnings: Beginnings | None,
    *,
    plain_head: bool,
) -> Tensor:
    """The last states (M, H), or without a plain head the logits (M, V), at each reply token."""
    width = widest(prompts, replies)
    rows = reply_rows(prompts, replies, branching=width <= cuts.trees and takes_trees(whole))
    keep = 1 + max(len(row.tree.tokens) for row in rows)  # a prompt's last token, and its tree
    plan = None
    if beginnings and width <= cuts.shared:
        common = partial(prefill, whole, keep=1, ends=cuts.ends, beginnings=beginnings)
        plan = beginnings.begin([row.prompt for row in rows], common)
    with ends_only(whole, keep) if cuts.ends else nullcontext():
        if beginnings and plan:
            found_RLX = _from_kept(whole, rows, pad_id, beginnings, plan, keep, plain_head=plain_head)
        elif plain_head:
            found_RLX = last_states(whole, rows, pad_id, share_beginning=width <= cuts.shared)[:, -keep:]
        else:
            found_RLX = all_logits(whole, rows, pad_id)
    row_M, place_M = torch.tensor(_places(rows, replies), device=found_RLX.device).unbind(1)
    return found_RLX[row_M, place_M]


def _from_kept(
    whole: Any,
    rows: Sequence[ReplyRow],
    pad_id: int,
    beginnings: Beginnings,
    plan: Plan,
    keep: int,
    *,
    plain_head: bool,
) -> Tensor:
    """The last states or the logits at the last `keep` places, of rows read from what is kept of them."""
    cache, read = beginnings.cache(plan)
    device = next(whole.parameters()).device
    packed = pack(plan.rows, [row.tree for row in rows], read, pad_id, device)
    part, only = (decoder(whole), {}) if plain_head else (whole, {"logits_to_keep": keep})
    out = part(
        input_ids=packed.ids_NL,
        attention_mask=packed.mask,
        position_ids=packed.positions_NL,
        past_key_values=cache,
        use_cache=True,
        **only,
    )
    cache.crop(1 - keep)
    beginnings.keep(cache, plan)
    found_RLX: Tensor = out.last_hidden_state if plain_head else out.logits
    return found_RLX[:, -keep:]


def widest(prompts: Sequence[Ids], replies: Sequence[Ids]) -> int:
    """The tokens of a padded row that has room for each prompt with its reply."""
    return max(map(len, prompts)) + max(map(len, replies))


def _places(rows: Sequence[ReplyRow], replies: Sequence[Ids]) -> list[tuple[int, int]]:
    """Row and place that predict each token, reply after reply."""
    found: dict[int, list[tuple[int, int]]] = {}
    for number, row in enumerate(rows):
        for member in row.members:
            found[member] = [(number, place) for place in row.tree.places(replies[member])]
    return [place for member in range(len(replies)) for place in found[member]]


def last_states(whole: Any, rows: Sequence[ReplyRow], pad_id: int, *, share_beginning: bool = True) -> Tensor:
    """The last layer's states (N, L, H) of the rows.

    L leaves out the beginning that all prompts share, which is read only once if it is to be shared.
    """
    device = next(whole.parameters()).device
    body = decoder(whole)
    prompts = [row.prompt for row in rows]
    # A prompt's last token predicts the first of its reply, so it is never shared.
    shared = shared_prefix(prompts) if share_beginning and len(rows) > 1 else 0
    cache = None
    if shared:
        beginning = Cache(layer_class_to_replicate=_Beginning)
        head = torch.tensor([list(prompts[0][:shared])], device=device)
        body(input_ids=head, past_key_values=beginning, use_cache=True)
        cache = Cache(layers=[_Continuation(layer) for layer in beginning.layers])
    packed = pack(prompts, [row.tree for row in rows], [shared] * len(rows), pad_id, device)
    states: Tensor = body(
        input_ids=packed.ids_NL,
        attention_mask=packed.mask,
        position_ids=packed.positions_NL,
        past_key_values=cache,
        use_cache=cache is not None,
    ).last_hidden_state
    return states


def all_logits(whole: Any, rows: Sequence[ReplyRow], pad_id: int) -> Tensor:
    """The logits (N, K, V) where the rows' replies are predicted, by the model's own forward pass."""
    device = next(whole.parameters()).device
    packed = pack([row.prompt for row in rows], [row.tree for row in rows], [0] * len(rows), pad_id, device)
    logits_NKV: Tensor = whole(
        input_ids=packed.ids_NL,
        attention_mask=packed.mask,
        position_ids=packed.positions_NL,
        use_cache=False,
        logits_to_keep=1 + max(len(row.tree.tokens) for row in rows),
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
