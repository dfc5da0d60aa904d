"""A policy that draws its replies whole, as the trainer reads it: a decision is one categorical draw.

π_θ(y | prompt) = softmax of the allowed replies' scores / T (see `arena_agents.engines.choice`), so a
step has one log-probability and one entropy where a reply drawn freely has one for each token.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from arena.training.language.sequences import Sequences
from arena_agents.engines.choice import (
    Decision,
    Read,
    choice_entropy,
    choice_logprobs,
    decisions,
    in_passes,
    scores,
)


def read_decisions(
    read: Read, texts: Sequences, sequences: list[int], temperature: float
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the sequences' replies among their choices, and entropies, float32 (U, 1) each.

    `read` is to read untempered. Entropies carry no gradient.
    """
    asked = _asked(texts, sequences)
    logprobs_DA = choice_logprobs(scores(read, asked), temperature)
    places = {
        member: (row, decision.choices.index(texts.replies[sequences[member]]))
        for row, decision in enumerate(asked)
        for member in decision.members
    }
    row_U, choice_U = torch.tensor([places[m] for m in range(len(sequences))]).unbind(1)
    logprobs_U1 = logprobs_DA[row_U, choice_U][:, None]
    return logprobs_U1, choice_entropy(logprobs_DA.detach())[row_U, None]


def decision_chunks(
    texts: Sequences, sequences: list[int], most_tokens: int, *, branching: bool
) -> Iterator[list[int]]:
    """Sequences that are read together: whoever answers the same question in the same chunk."""
    for together in in_passes(_asked(texts, sequences), most_tokens, branching=branching):
        yield [sequences[member] for decision in together for member in decision.members]


def _asked(texts: Sequences, sequences: list[int]) -> list[Decision]:
    return decisions([texts.prompts[s] for s in sequences], [texts.choices[s] for s in sequences])
