"""Prompts and replies as tokens: what a learner reads."""

from __future__ import annotations

from dataclasses import dataclass, field

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sequences:
    """U prompts and their replies, as tokens.

    `choices` are what each reply was drawn from among, where it was drawn whole; empty otherwise.
    """

    prompts: tuple[Ids, ...]
    replies: tuple[Ids, ...]
    choices: tuple[tuple[Ids, ...], ...] = field(default=(), kw_only=True)

    @property
    def logprobs_each(self) -> int:
        """How many log-probabilities a reply has at most: one a token, or one where it was drawn whole."""
        return 1 if self.choices else max(map(len, self.replies))
