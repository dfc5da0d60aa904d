"""What the language agent and the trainer ask of an engine, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from arena_agents.base import TokenSample

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Sampling:
    """The generation config G. Temperature 0 is greedy; `top_k` 0 and `top_p` 1 are off.

    A reply ends at the model's end token, after the first of the `stop` strings, or after
    `max_new_tokens`.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ("</action>",)


class Engine(Protocol):
    """Draws replies. Each prompt has a seed of its own, so batches do not decide what is drawn."""

    policy_version: int

    def generate(self, prompts: Sequence[Ids], sampling: Sampling, seeds: Sequence[int]) -> list[TokenSample]:
        """One sample per prompt, in order."""
        ...
