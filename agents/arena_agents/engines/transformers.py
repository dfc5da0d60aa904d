"""The engine that needs nothing but transformers: batched sampling from a model in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.causal_lm.beginnings import Beginnings
from arena_agents.causal_lm.decoder import causal_model
from arena_agents.causal_lm.family import ANY, Family
from arena_agents.causal_lm.forward import NO_TREE, Prefilled, prefill, select
from arena_agents.causal_lm.load import end_ids
from arena_agents.causal_lm.logprobs import read_replies, widest
from arena_agents.causal_lm.plain import sample_plainly
from arena_agents.causal_lm.precision import in_model_precision
from arena_agents.causal_lm.prove import prove
from arena_agents.causal_lm.static_decode import GrowingRows, Rows, StaticDecoder
from arena_agents.causal_lm.trees import ReplyTree, reply_tree, takes_trees
from arena_agents.engines.choice import Read, choose, decisions, weigh
from arena_agents.engines.sampling import Replies
from arena_agents.engines.stops import closing_ids

LARGEST_TREE = 64  # tokens of drafts
MOST_LOGITS = 2**26  # that drafts may take: 256 MiB in float32


ON_CPU = 8  # replies that a deadline is for: more of them take longer there, in proportion


class TransformersEngine:
    """Samples from `model`, which may be in training elsewhere: there is no second copy to sync.

    Drafts are read together with the prompt, as a tree, so that a reply that stays on it is drawn
    without another forward pass. It is drawn from the model's own distributions all the same; one that
    leaves the tree is drawn token by token. This is speculative decoding (Leviathan 2023) with drafts that
    cost nothing. A family of models that does not bear such short cuts is read plainly.

    With `static`, which is the default on a GPU, tokens are drawn over a cache that stays where it is (see
    `static_decode`): some four times as fast on an H100 (docs/gpu.md).

    One thread at a time is served: agents that draw in different ways share an engine, and one that has
    been given up on may still be in it.
    """

    shares_model = True

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        batch_tokens: int = 32_768,
        family: Family | None = None,
        static: bool | None = None,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.family = family or prove(model)
        self.family.check()
        self.batch_tokens = batch_tokens
        self.policy_version = 0
        # Padding amid a text would outgrow a window before the text does.
        self.beginnings = Beginnings(level=self.family.short_cuts.shared < ANY)
        self._ends = end_ids(getattr(model, "generation_config", None), tokenizer)
        self._takes_trees = takes_trees(model)
        device = next(model.parameters()).device.type
        # There a pass over what all texts begin with takes less time than finding what was kept of them.
        self.keeps_beginnings = device == "cpu"
        self.at_once = ON_CPU if device == "cpu" else None
        static = (device == "cuda" if static is None else static) and self._takes_trees
        self._static = StaticDecoder(model, capture=device == "cuda") if static else None
        self._vocabulary = int(causal_model(model).config.get_text_config().vocab_size)
        self._closing: dict[str, frozenset[int]] = {}
        self._in_use = threading.RLock()

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order; equal prompts are read once."""
        with self._in_use, _evaluating(self.model), in_model_precision(self.model):
            return self._generate(prompts, sampling, seeds, drafts)

    def _generate(
        self, prompts: Sequence[Ids], sampling: Sampling, seeds: Sequence[int], drafts: Sequence[Ids]
    ) -> list[TokenSample]:
        if self.keeps_beginnings:
            self.beginnings.check(self.model)
        tree = self._tree(drafts)
        samples: dict[int, TokenSample] = {}
        for batch in self._batches(prompts, sampling):
            replies = Replies(sampling, [seeds[i] for i in batch], self._ended)
            own = [tuple(prompts[i]) for i in batch]
            longest = max(map(len, own)) + sampling.max_new_tokens
            if longest > self.family.short_cuts.longest:
                path = self.family.plain_path()
                sample_plainly(self.model, own, replies, path, sampling.max_new_tokens)
            elif not self._sample(own, replies, tree if self._fits(tree, longest, own) else NO_TREE):
                tree = NO_TREE  # what was read in vain once is not read again
            for index, tokens, logprobs in zip(batch, replies.tokens, replies.logprobs, strict=True):
                sample = TokenSample(
                    tuple(prompts[index]), tuple(tokens), tuple(logprobs), self.policy_version
                )
                samples[index] = sample
        return [samples[index] for index in range(len(prompts))]

    @torch.inference_mode()
    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        """One of each prompt's choices, in one forward pass over the prompts and the choices behind them.

        For models that take no trees a choice is a row of its own.
        """
        with self._reading(prompts, choices) as (read, limits):
            return choose(read, prompts, choices, sampling, seeds, version=self.policy_version, **limits)

    @torch.inference_mode()
    def weigh(
        self, prompts: Sequence[Ids], choices: Sequence[Sequence[Ids]], sampling: Sampling
    ) -> list[list[float]]:
        """The probability of each prompt's choices under the distribution that `choose` draws from."""
        found: dict[int, list[float]] = {}
        with self._reading(prompts, choices) as (read, limits):
            for decision, logprobs_A in weigh(
                read, decisions(prompts, choices), sampling.temperature, **limits
            ):
                found |= dict.fromkeys(decision.members, np.exp(logprobs_A).tolist())
        return [found[member] for member in range(len(prompts))]

    @contextmanager
    def _reading(
        self, prompts: Sequence[Ids], choices: Sequence[Sequence[Ids]]
    ) -> Iterator[tuple[Read, dict[str, Any]]]:
        """How these are read, the model meanwhile in evaluation, and within which limits."""
        width = widest(prompts, [reply for replies in choices for reply in replies])
        branching = self._takes_trees and width <= self.family.short_cuts.trees
        kept = self.beginnings if self.keeps_beginnings else None
        read = partial(read_replies, self.model, family=self.family, beginnings=kept)
        with self._in_use, _evaluating(self.model):
            if kept is not None:
                kept.check(self.model)
            yield read, {"most_tokens": self.batch_tokens, "branching": branching}

    def _fits(self, tree: ReplyTree, longest: int, prompts: Sequence[Ids]) -> bool:
        """Whether a tree is right for texts of this length, and its logits have room."""
        logits = len(set(map(tuple, prompts))) * (1 + len(tree.tokens)) * self._vocabulary
        return longest <= self.family.short_cuts.trees and logits <= MOST_LOGITS

    def _tree(self, drafts: Sequence[Ids]) -> ReplyTree:
        """The drafts as a tree, unless reading it would cost more than the passes that it saves."""
        tree = reply_tree(drafts) if self._takes_trees else NO_TREE
        return tree if len(tree.tokens) <= LARGEST_TREE else NO_TREE

    def load_policy(self, adapter: Path, version: int) -> None:
        """The model is the trainer's own: only the version is new. What the last one read is forgotten."""
        self.policy_version = version
        self.beginnings.drop()

    def sleep(self) -> None:
        """Forget what was read, and free a cache that is large: the weights are about to change."""
        self.beginnings.drop()
        if self._static:
            self._static.sleep()

    def wake(self) -> None:
        """Forget what was read: a rollout is the same whether or not an evaluation went before."""
        self.beginnings.drop()

    def close(self) -> None:
        """Forget what was read; the weights are the trainer's."""
        self.beginnings.drop()
        if self._static:
            self._static.release()

    def _batches(self, prompts: Sequence[Ids], sampling: Sampling) -> list[list[int]]:
        """Indices of prompts of similar length, at most `batch_tokens` with their replies."""
        batches: list[list[int]] = []
        for index in sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i)):
            cost = len(prompts[index]) + sampling.max_new_tokens
            if not batches or (len(batches[-1]) + 1) * cost > self.batch_tokens:
                batches.append([])
            batches[-1].append(index)
        return batches

    def _sample(self, prompts: Sequence[Ids], replies: Replies, tree: ReplyTree) -> bool:
        """Draw all replies to these prompts; returns whether most of them followed the tree."""
        distinct = sorted({tuple(prompt) for prompt in prompts})
        place = {prompt: row for row, prompt in enumerate(distinct)}
        rows_N = torch.tensor([place[tuple(prompt)] for prompt in prompts])
        cuts = self.family.short_cuts
        longest = max(map(len, distinct)) + replies.sampling.max_new_tokens
        limit = None if longest <= cuts.shared else 0
        beginnings = self.beginnings if self.keeps_beginnings and limit != 0 else None
        read = prefill(
            self.model, distinct, keep=1, tree=tree, limit=limit, ends=cuts.ends, beginnings=beginnings
        )
        going = list(range(len(prompts)))
        if tree.tokens:
            going = replies.follow(read.logits_NLV, rows_N.tolist(), tree)
        if going:
            self._decode(read, rows_N[going], replies, going)
        return 2 * len(going) < len(prompts)

    def _decode(self, read: Prefilled, rows_N: Tensor, replies: Replies, active: list[int]) -> None:
        """Draw these replies, behind these rows of what was read, token by token."""
        logits_NV = read.logits_NLV[rows_N.to(read.logits_NLV.device), 0]
        rows: Rows | None = None
        while True:
            ids_N = replies.sample(active, logits_NV)
            going = [row for row, reply in enumerate(active) if not replies.ended(reply)]
            if not going:
                return
            kept_N = torch.tensor(going)
            if rows is None:  # many replies are a token long
                rows = self._rows(read, rows_N[kept_N], replies.sampling.max_new_tokens)
            elif len(going) < len(active):
                rows.keep(kept_N)
            ids_N, active = ids_N[kept_N.to(ids_N.device)], [active[row] for row in going]
            logits_NV = rows.step(ids_N)

    def _rows(self, read: Prefilled, rows_N: Tensor, more: int) -> Rows:
        static = self._static.load(read, rows_N, more) if self._static else None
        return static or GrowingRows(self.model, select(read, rows_N))

    def _ended(self, tokens: list[int], sampling: Sampling) -> bool:
        if tokens[-1] in self._ends or len(tokens) == sampling.max_new_tokens:
            return True
        return any(self._stops(tokens, stop) for stop in sampling.stop)

    def _stops(self, tokens: list[int], stop: str) -> bool:
        """Whether the last token completes the stop string."""
        if stop not in self._closing:
            self._closing[stop] = closing_ids(self.tokenizer.get_vocab(), stop)
        # A token may be a single byte, and the first ones of the tail the end of a character.
        tail = tokens[-4 - len(stop.encode()) :]
        return tokens[-1] in self._closing[stop] and stop in self.tokenizer.decode(tail)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout inside, and in the end as it was, whatever happens."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
