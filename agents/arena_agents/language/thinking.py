"""Drawing replies of models that think before they answer, with any engine.

A thought has a budget of its own, and the answer one of its own; stop strings count in the answer alone.
So a reply is drawn in up to three calls: a few tokens, where only they can tell whether the model
thinks; the thought, up to its closing tag or the end of its budget, which then is closed from outside; the
answer. Tokens that were put there are marked, and not trained on. A model that never thinks is asked once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.base import Engine
from arena_agents.reasoning import THINK, apart, named_tags

TAIL = 24  # tokens of a prompt in which its last tag is looked for
SLACK = 2  # tokens, such as line ends, before an opening tag


@dataclass(frozen=True, slots=True)
class Read:
    """A reply's text, apart from what was thought, and how many of its tokens the thought took."""

    text: str
    reasoning: str | None = None
    reasoning_tokens: int | None = None


@dataclass(slots=True)
class _Reply:
    """A reply as it grows. `open`: it is in a thought; `done`: it needs no (further) answer."""

    prompt: Ids
    seed: int
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    appended: list[int] = field(default_factory=list)
    version: int = 0
    open: bool = False
    done: bool = False

    def take(self, sample: TokenSample) -> None:
        self.tokens += sample.token_ids
        self.logprobs += sample.logprobs
        self.version = sample.policy_version

    def append(self, ids: Sequence[int]) -> None:
        self.appended += range(len(self.tokens), len(self.tokens) + len(ids))
        self.tokens += ids
        self.logprobs += [0.0] * len(ids)

    def sample(self) -> TokenSample:
        return TokenSample(
            tuple(self.prompt),
            tuple(self.tokens),
            tuple(self.logprobs),
            self.version,
            appended=tuple(self.appended),
        )


class Thinker:
    """Draws and reads the replies of one model; `ends` are the tokens that end a reply.

    `thinks` tells whether it may think at all: its chat template names the tags, or each is one token.
    """

    def __init__(self, tokenizer: Any, ends: frozenset[int]) -> None:
        self.tokenizer, self.ends = tokenizer, ends
        named = named_tags(str(tokenizer.chat_template) if tokenizer.chat_template else None)
        self.tags = named or THINK
        self._opening, self._closing = self._ids(self.tags.opening), self._ids(self.tags.closing)
        known = len(self._opening) == len(self._closing) == 1
        self.thinks = named is not None or known

    def sample(
        self,
        engine: Engine,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order, as `Engine.generate`; a thought and its answer are one sample."""
        told = {prompt: self._tag_at_end(prompt) for prompt in {tuple(prompt) for prompt in prompts}}
        if not self.thinks or set(told.values()) == {self.tags.closing}:
            return engine.generate(prompts, sampling, seeds, drafts)
        replies = [_Reply(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
        for reply in replies:
            reply.open = told[tuple(reply.prompt)] == self.tags.opening
        unknown = [reply for reply in replies if told[tuple(reply.prompt)] is None]
        self._find_out(engine, unknown, sampling)
        thinking = [reply for reply in replies if reply.open]
        self._think(engine, thinking, sampling)
        at_once = [reply for reply in replies if not reply.tokens]
        self._go_on(engine, at_once, sampling, drafts=drafts)
        self._go_on(engine, [r for r in replies if r.open and not r.done], sampling, part=1)
        return [reply.sample() for reply in replies]

    def closed(self, prompt: Ids) -> Ids:
        """The prompt, with its thought closed if it ends with an open one: for a reply without thought."""
        if self._tag_at_end(prompt) != self.tags.opening:
            return prompt
        return (*prompt, *self._ids(self.tags.ending))

    def read(self, sample: TokenSample) -> Read:
        """What the reply says, and what was thought before."""
        ids = sample.token_ids
        if ids and ids[-1] in self.ends:
            ids = ids[:-1]
        after = self._after_closing(ids)
        if after:
            text = self._text(ids[after:])
            thought = self._text(ids[: after - len(self._closing)])
            return Read(text, apart(thought, self.tags, opened=True)[1], after)
        opened = self.thinks and self._opens(sample)
        text, reasoning = apart(self._text(ids), self.tags, opened=opened)
        return Read(text, reasoning, None if reasoning is None else self._counted(ids))

    def _find_out(self, engine: Engine, replies: list[_Reply], sampling: Sampling) -> None:
        """Draw the first tokens of these to see which open a thought; they are drawn again with the rest."""
        if not replies:
            return
        if sampling.thinking_tokens == 0:
            for reply in replies:
                reply.append(self._ids(f"{self.tags.opening}\n{self.tags.ending}"))
                reply.open = True
            return
        few = min(len(self._opening) + SLACK, sampling.thinking_tokens + sampling.max_new_tokens)
        first = engine.generate(
            [reply.prompt for reply in replies],
            replace(sampling, max_new_tokens=few),
            [reply.seed for reply in replies],
        )
        for reply, sample in zip(replies, first, strict=True):
            reply.open = self._raw(sample.token_ids).lstrip().startswith(self.tags.opening)

    def _think(self, engine: Engine, replies: list[_Reply], sampling: Sampling) -> None:
        """Draw the thoughts, and close those whose budget is used up."""
        budget = sampling.thinking_tokens
        if budget:
            thought = replace(sampling, stop=(self.tags.closing,), max_new_tokens=budget)
            self._go_on(engine, replies, thought)
        for reply in replies:
            if self.tags.closing in self._raw(reply.tokens):
                continue
            if reply.tokens and reply.tokens[-1] in self.ends:
                reply.done = True  # it ended its turn within the thought
            else:
                reply.append(self._ids(self.tags.ending))

    def _go_on(
        self,
        engine: Engine,
        replies: list[_Reply],
        sampling: Sampling,
        *,
        part: int = 0,
        drafts: Sequence[Ids] = (),
    ) -> None:
        if not replies:
            return
        prompts = [(*reply.prompt, *reply.tokens) for reply in replies]
        samples = engine.generate(prompts, sampling, [_seed_of(r.seed, part) for r in replies], drafts)
        for reply, sample in zip(replies, samples, strict=True):
            reply.take(sample)

    def _tag_at_end(self, prompt: Ids) -> str | None:
        """The tag that the prompt ends with, if any."""
        if not self.thinks:
            return None
        tail = self._raw(prompt[-TAIL:]).rstrip()
        tags = (self.tags.opening, self.tags.closing)
        return next((tag for tag in tags if tail.endswith(tag)), None)

    def _opens(self, sample: TokenSample) -> bool:
        if self._tag_at_end(sample.prompt_ids) == self.tags.opening:
            return True
        first = self._raw(sample.token_ids[: len(self._opening) + SLACK])
        return first.lstrip().startswith(self.tags.opening)

    def _after_closing(self, ids: Ids) -> int:
        """The place after the last closing tag, where it stands there in its own tokens; else 0."""
        tag = tuple(self._closing)
        places = range(len(ids) - len(tag), -1, -1) if tag else ()  # a tokenizer may not know its letters
        return next((place + len(tag) for place in places if tuple(ids[place : place + len(tag)]) == tag), 0)

    def _counted(self, ids: Ids) -> int:
        """How many tokens it takes until the last closing tag is complete; all, if there is none."""
        total = self._raw(ids).count(self.tags.closing)
        few, many = 0, len(ids)
        while total and many - few > 1:
            middle = (few + many) // 2
            enough = self._raw(ids[:middle]).count(self.tags.closing) == total
            few, many = (few, middle) if enough else (middle, many)
        return many

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _text(self, ids: Ids) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _raw(self, ids: Ids) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))


def _seed_of(seed: int, part: int) -> int:
    """The seed of a part of a reply: what follows may not be drawn by the same numbers again."""
    if part == 0:
        return seed
    digest = hashlib.blake2b(f"{seed}:{part}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
