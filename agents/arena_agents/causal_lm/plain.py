"""A family's own plain path: `transformers.generate` to draw, a forward pass without a cache to learn.

For families whose attention, state or cache bears no short cut (see `family`): slower, and theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from arena_agents.base import Ids
from arena_agents.causal_lm.decoder import causal_model, decoder
from arena_agents.causal_lm.family import PlainPath
from arena_agents.causal_lm.packing import left_padded, right_padded


class Drawing(Protocol):
    """Replies in the making (see `arena_agents.engines.transformers`)."""

    def sample(self, replies: list[int], logits_NV: Tensor) -> Tensor: ...

    def ended(self, reply: int) -> bool: ...


def sample_plainly(model: Any, prompts: Sequence[Ids], replies: Drawing, path: PlainPath, limit: int) -> None:
    """Draw a reply of at most `limit` tokens to each prompt, in batches that the family bears."""
    batches: dict[int, list[int]] = {}
    for number, prompt in enumerate(prompts):
        batches.setdefault(0 if path.padded else len(prompt), []).append(number)
    for batch in batches.values():
        _generate(causal_model(model), [prompts[n] for n in batch], _Forced(replies, batch), path, limit)


def _generate(whole: Any, prompts: Sequence[Ids], forced: _Forced, path: PlainPath, limit: int) -> None:
    ids_NS, real_NS = left_padded(prompts, 0, next(whole.parameters()).device)
    with _no_defaults(whole):
        whole.generate(
            input_ids=ids_NS,
            attention_mask=real_NS,
            generation_config=GenerationConfig(
                max_new_tokens=limit, do_sample=False, use_cache=path.cached, pad_token_id=0
            ),
            logits_processor=LogitsProcessorList([forced]),
            stopping_criteria=StoppingCriteriaList([_Ended(forced)]),
        )


class _Forced(LogitsProcessor):  # type: ignore[misc]
    """Draws by our own random numbers, and leaves `generate` that token alone."""

    def __init__(self, replies: Drawing, numbers: list[int]) -> None:
        self.replies, self.numbers = replies, numbers
        self.going = [True] * len(numbers)

    def __call__(self, _ids_NS: Tensor, logits_NV: Tensor) -> Tensor:
        rows = [row for row, going in enumerate(self.going) if going]
        ids_N = torch.zeros(len(self.numbers), dtype=torch.long, device=logits_NV.device)
        ids_N[rows] = self.replies.sample([self.numbers[row] for row in rows], logits_NV[rows])
        for row in rows:
            self.going[row] = not self.replies.ended(self.numbers[row])
        only_NV = torch.full_like(logits_NV, -torch.inf)
        return only_NV.scatter(1, ids_N[:, None], 0.0)


class _Ended(StoppingCriteria):  # type: ignore[misc]
    def __init__(self, forced: _Forced) -> None:
        self.forced = forced

    def __call__(self, ids_NS: Tensor, _scores: Any, **_: Any) -> Tensor:
        return torch.tensor([not going for going in self.forced.going], device=ids_NS.device)


@contextmanager
def _no_defaults(whole: Any) -> Iterator[None]:
    """A model's own generation config (penalties, top_k, forced tokens) would change its distribution."""
    own = whole.generation_config
    whole.generation_config = GenerationConfig()
    try:
        yield
    finally:
        whole.generation_config = own


def plain_scores(
    model: Any, prompts: Sequence[Ids], replies: Sequence[Ids], path: PlainPath, *, states: bool
) -> Tensor:
    """What the model says at each reply token, reply after reply: (M, V) logits or, as `states`, (M, H).

    Rows are padded on the right, where no causal model looks, or read one by one.
    """
    rows = [[*prompt, *reply[:-1]] for prompt, reply in zip(prompts, replies, strict=True)]
    passes = [list(range(len(rows)))] if path.together else [[n] for n in range(len(rows))]
    found: list[Tensor] = []
    for numbers in passes:
        ids_NL, _ = right_padded([rows[n] for n in numbers], 0, next(model.parameters()).device)
        part = decoder(model) if states else causal_model(model)
        out = part(input_ids=ids_NL, use_cache=False)
        out_NLX = out.last_hidden_state if states else out.logits
        found += [out_NLX[at, len(prompts[n]) - 1 : len(rows[n])] for at, n in enumerate(numbers)]
    return torch.cat(found)
