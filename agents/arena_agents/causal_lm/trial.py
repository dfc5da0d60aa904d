"""A way of reading texts beside a model's plain forward pass: each text alone, unpadded, without a cache."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import torch
from torch import Tensor

from arena_agents.base import Ids
from arena_agents.causal_lm.beginnings import Beginnings
from arena_agents.causal_lm.family import Family, PlainPath, ShortCuts
from arena_agents.causal_lm.forward import NO_TREE, extend, prefill, select
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.causal_lm.plain import sample_plainly
from arena_agents.causal_lm.trees import ReplyTree, reply_tree

ROUGHLY = 0.1  # in bfloat16
TOLERANCE = (
    1e-4  # nats a token, and of a gradient its largest part; what is wrong is mostly off by 0.01 or more
)
DRAWN = 3  # tokens


@dataclass(frozen=True, slots=True)
class Texts:
    """Prompts that begin alike, and replies to them, of which some begin alike too."""

    prompts: tuple[Ids, ...]
    replies: tuple[Ids, ...]

    @property
    def rows(self) -> list[Ids]:
        return [(*prompt, *reply) for prompt, reply in zip(self.prompts, self.replies, strict=True)]


def texts(shared: int, own: Sequence[int], vocabulary: int) -> Texts:
    """Prompts of `shared` tokens and so many of their `own`; there are two replies to the last."""
    draw = Random(0)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(3, vocabulary) for _ in range(count))

    head, begun = tokens(shared), tokens(2)
    prompts = [head + tokens(count) for count in own]
    replies = [tokens(1), *(begun + tokens(2) for _ in own[2:]), tokens(3), begun + tokens(2)]
    return Texts((*prompts, prompts[-1]), tuple(replies))


class Trial:
    """A model, and texts to try ways of reading on. Whatever a family raises is no agreement."""

    def __init__(self, model: Any, texts: Texts, *, level: bool = False, gradient: bool = True) -> None:
        self.model, self.texts, self.level = model, texts, level
        first = next(model.parameters())
        self.device = first.device
        self.tolerance = TOLERANCE if first.dtype == torch.float32 else ROUGHLY
        self._trained = [p for p in model.parameters() if p.requires_grad] if gradient else []
        self._plain: tuple[Tensor, list[Tensor | None]] | None = None

    def plainly(self, row: Ids) -> Tensor:
        """Log-probabilities (S, V) after each token of one text."""
        logits: Tensor = self.model(
            input_ids=torch.tensor([list(row)], device=self.device), use_cache=False
        ).logits
        return torch.log_softmax(logits[0].float(), dim=-1)

    @torch.no_grad()
    def is_causal(self) -> bool:
        """Whether what follows a text changes nothing of what is said of it."""
        row, begun = self.texts.rows[-1], self.texts.prompts[0]
        longer = self.plainly((*begun, *row[len(begun) :]))
        return self._near(longer[: len(begun)], self.plainly(begun))

    def agrees(self, family: Family, cuts: ShortCuts) -> bool:
        """Whether these short cuts draw, and learn from, what the plain pass would."""
        with suppress(Exception):
            return self._draws(cuts) and self._reads(replace(family, short_cuts=cuts))
        return False

    def draws_plainly(self, path: PlainPath) -> bool:
        """Whether the family's own way of drawing agrees with its forward pass."""
        drawn = _Greedy(len(self.texts.prompts))
        with suppress(Exception), torch.no_grad():
            sample_plainly(self.model, self.texts.prompts, drawn, path, DRAWN)
            for prompt, tokens, said in zip(self.texts.prompts, drawn.tokens, drawn.said, strict=True):
                plain_SV = self.plainly((*prompt, *tokens[:-1]))
                if not self._near(torch.stack(said), plain_SV[len(prompt) - 1 :]):
                    return False
            return True
        return False

    def reads_plainly(self, family: Family, path: PlainPath) -> bool:
        """Whether the family's plain path learns from what the plain pass of each text says."""
        with suppress(Exception):
            return self._reads(replace(family, short_cuts=ShortCuts(0, 0, 0), plain=path))
        return False

    @torch.no_grad()
    def _draws(self, cuts: ShortCuts) -> bool:
        """Prompts and a tree behind them, then more tokens of some rows, one of them twice."""
        rows = list(dict.fromkeys(self.texts.prompts))
        tree = reply_tree(self.texts.replies) if cuts.trees else NO_TREE
        read = prefill(
            self.model,
            rows,
            keep=1,
            tree=tree,
            limit=0,
            ends=cuts.ends,
            beginnings=self._beginnings(rows[0]) if cuts.shared else None,
        )
        going: list[Ids] = [(*row, *path) for row in rows for path in _paths(tree)]
        if not self._says(going, read.logits_NLV.flatten(0, 1)):
            return False
        chosen = [0, len(rows) - 1, len(rows) - 1]
        read, going = select(read, torch.tensor(chosen)), [rows[place] for place in chosen]
        for token in range(5, 5 + DRAWN):
            ids = [token + number for number in range(len(going))]
            read = extend(self.model, read, torch.tensor(ids, device=self.device))
            going = [(*row, new) for row, new in zip(going, ids, strict=True)]
            if not self._says(going, read.logits_NLV[:, -1]):
                return False
        return True

    def _beginnings(self, row: Ids) -> Beginnings:
        """Kept ones of a single text, of which others have less in common with the rest."""
        beginnings = Beginnings(level=self.level)
        prefill(self.model, [row], keep=1, beginnings=beginnings)
        return beginnings

    def _says(self, rows: Sequence[Ids], logits_NV: Tensor) -> bool:
        """Whether these are the logits after each row."""
        found = torch.log_softmax(logits_NV.float(), dim=-1)
        return self._near(found, torch.stack([self.plainly(row)[-1] for row in rows]))

    def _reads(self, family: Family) -> bool:
        """Log-probabilities, and the gradient of a loss on them, layers recomputed for it or not."""
        wanted, gradient = self._wanted()
        for recompute in (False, True):
            found, _ = read_replies(
                self.model, self.texts.prompts, self.texts.replies, family=family, recompute=recompute
            )
            if not self._near(found.detach(), wanted):
                return False
        return all(
            a is b or (a is not None and b is not None and self._near(a, b, float(b.abs().max())))
            for a, b in zip(self._gradient(found), gradient, strict=True)
        )

    def _wanted(self) -> tuple[Tensor, list[Tensor | None]]:
        if self._plain is None:
            size = len(self.texts.rows), max(map(len, self.texts.replies))
            said = torch.zeros(size, device=self.device)
            for number, (prompt, reply) in enumerate(
                zip(self.texts.prompts, self.texts.replies, strict=True)
            ):
                every_KV = self.plainly((*prompt, *reply[:-1]))[len(prompt) - 1 :]
                said[number, : len(reply)] = every_KV[range(len(reply)), reply]
            self._plain = said.detach(), self._gradient(said)
        return self._plain

    def _near(self, found: Tensor, wanted: Tensor, scale: float = 1.0) -> bool:
        return bool((found - wanted).abs().max() <= self.tolerance * max(1.0, scale))

    def _gradient(self, logprobs_NK: Tensor) -> list[Tensor | None]:
        """Of a sum in which every token counts differently."""
        if not self._trained:
            return []
        counts = torch.arange(logprobs_NK.numel(), device=self.device)
        weights_NK = 1 + counts.reshape(logprobs_NK.shape) % 5
        found = torch.autograd.grad((weights_NK * logprobs_NK).sum(), self._trained, allow_unused=True)
        return list(found)


class _Greedy:
    """Draws the likeliest tokens of N replies, the first reply one fewer; keeps what was said."""

    def __init__(self, count: int) -> None:
        self.tokens: list[list[int]] = [[] for _ in range(count)]
        self.said: list[list[Tensor]] = [[] for _ in range(count)]

    def sample(self, replies: list[int], logits_NV: Tensor) -> Tensor:
        logprobs_NV = torch.log_softmax(logits_NV.float(), dim=-1)
        for reply, said_V in zip(replies, logprobs_NV, strict=True):
            self.tokens[reply].append(int(said_V.argmax()))
            self.said[reply].append(said_V)
        return logprobs_NV.argmax(-1)

    def ended(self, reply: int) -> bool:
        return len(self.tokens[reply]) >= DRAWN - (reply == 0)


def _paths(tree: ReplyTree) -> list[Ids]:
    """What leads to each place of the tree."""
    paths: list[tuple[int, ...]] = [()]
    for token, parent in zip(tree.tokens, tree.parents, strict=True):
        paths.append((*paths[parent], token))
    return list(paths)
