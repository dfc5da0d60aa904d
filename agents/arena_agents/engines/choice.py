"""Choice decoding: a reply is drawn whole, from among the replies that a game allows.

    score(y) = Σ_k log π(y_k | prompt, y_<k)         of each allowed reply, under the untempered model
    p(y)     = exp(score(y) / T) / Σ_y' exp(score(y') / T)

At T = 1 this is the model's own distribution of free replies, given that the reply is one of these: a
reply ends with its stop string, so nothing that follows belongs to its score. (Drawing token by token
with the disallowed ones masked is another distribution: there a prefix counts by its own probability,
however unlikely everything is that may follow it.) At T = 0 the reply of the highest score is taken,
the first one of equals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.causal_lm.logprobs import ReplyRow, padded_tokens, reply_rows

Choices = tuple[tuple[int, ...], ...]
# Prompts and replies in; log-probabilities of the replies' tokens (N, K), 0 beyond a reply, and anything.
Read = Callable[[Sequence[Ids], Sequence[Ids]], tuple[Tensor, object]]


@dataclass(frozen=True, slots=True)
class Decision:
    """A prompt and what may be replied to it; `members` are the numbers of those who ask."""

    prompt: tuple[int, ...]
    choices: Choices
    members: tuple[int, ...]

    def rows(self, branching: bool) -> list[ReplyRow]:
        """What is read of it: the choices behind the prompt in one row, or in a row each."""
        return reply_rows([self.prompt] * len(self.choices), self.choices, branching=branching)


def decisions(prompts: Sequence[Ids], choices: Sequence[Sequence[Ids]]) -> list[Decision]:
    """Equal questions once. Raises ValueError where there is nothing to choose from."""
    members: dict[tuple[tuple[int, ...], Choices], list[int]] = {}
    for member, (prompt, replies) in enumerate(zip(prompts, choices, strict=True)):
        if not replies:
            raise ValueError("choice decoding needs at least one reply to choose from")
        members.setdefault((tuple(prompt), tuple(map(tuple, replies))), []).append(member)
    return [Decision(prompt, replies, tuple(those)) for (prompt, replies), those in members.items()]


def in_passes(asked: Sequence[Decision], most_tokens: int, *, branching: bool) -> Iterator[list[Decision]]:
    """Decisions of similar length, as many at a time as take at most `most_tokens` padded tokens, or one."""
    together: list[Decision] = []
    rows: list[ReplyRow] = []
    for decision in sorted(asked, key=lambda decision: len(decision.prompt)):
        own = decision.rows(branching)
        if together and padded_tokens([*rows, *own]) > most_tokens:
            yield together
            together, rows = [], []
        together.append(decision)
        rows += own
    if together:
        yield together


def scores(read: Read, asked: Sequence[Decision]) -> Tensor:
    """The score of every choice, (D, A) in float32; −inf beyond a decision's last choice."""
    pairs = [(decision.prompt, reply) for decision in asked for reply in decision.choices]
    logprobs_PK, _ = read([prompt for prompt, _ in pairs], [reply for _, reply in pairs])
    counts_D1 = torch.tensor([[len(decision.choices)] for decision in asked], device=logprobs_PK.device)
    real_DA = torch.arange(int(counts_D1.max()), device=logprobs_PK.device) < counts_D1
    none_DA = torch.full(real_DA.shape, -torch.inf, device=logprobs_PK.device)
    return none_DA.masked_scatter(real_DA, logprobs_PK.sum(dim=1))


def choice_logprobs(scores_DA: Tensor, temperature: float) -> Tensor:
    """Log-probabilities of the choices, (D, A). At temperature 0 the untempered ones, as in free decoding."""
    return torch.log_softmax(scores_DA / (temperature or 1.0), dim=-1)


def choice_entropy(logprobs_DA: Tensor) -> Tensor:
    """The entropy (D,) of each decision, in nats."""
    terms_DA = logprobs_DA.exp() * logprobs_DA
    return -terms_DA.masked_fill(logprobs_DA == -torch.inf, 0.0).sum(dim=-1)


def weigh(
    read: Read,
    asked: Sequence[Decision],
    temperature: float,
    *,
    most_tokens: int,
    branching: bool,
) -> Iterator[tuple[Decision, np.ndarray]]:
    """The log-probabilities (A,) of each decision's choices, float64, as they are read."""
    for together in in_passes(asked, most_tokens, branching=branching):
        logprobs_DA = choice_logprobs(scores(read, together), temperature).double().cpu().numpy()
        for decision, logprobs_A in zip(together, logprobs_DA, strict=True):
            yield decision, logprobs_A[: len(decision.choices)]


def choose(
    read: Read,
    prompts: Sequence[Ids],
    choices: Sequence[Sequence[Ids]],
    sampling: Sampling,
    seeds: Sequence[int],
    *,
    version: int,
    most_tokens: int,
    branching: bool,
) -> list[TokenSample]:
    """One sample per prompt, in order. Each has a seed of its own, so that batches decide nothing."""
    samples: dict[int, TokenSample] = {}
    asked = decisions(prompts, choices)
    for decision, logprobs_A in weigh(
        read, asked, sampling.temperature, most_tokens=most_tokens, branching=branching
    ):
        for member in decision.members:
            index = _drawn(logprobs_A, sampling, seeds[member])
            samples[member] = TokenSample(
                decision.prompt,
                decision.choices[index],
                (float(logprobs_A[index]),),
                version,
                decision.choices,
            )
    return [samples[member] for member in range(len(prompts))]


def _drawn(logprobs_A: np.ndarray, sampling: Sampling, seed: int) -> int:
    """A choice's index, by inversion of the cumulative distribution."""
    if sampling.temperature == 0:
        return int(logprobs_A.argmax())
    cumulative_A = np.exp(logprobs_A).cumsum()
    target = np.random.Generator(np.random.PCG64(seed)).random() * cumulative_A[-1]
    return min(int(np.searchsorted(cumulative_A, target, side="right")), len(logprobs_A) - 1)
