"""What teaching by example is told, and what was measured to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from arena.training.config import LanguageConfig


class SftConfig(LanguageConfig):
    """Behaviour cloning: the policy learns to name the action that `teacher` would take.

    `teacher` is an agent's spec, `dqn` (which is trained first), or the folder of a tournament, whose best
    episodes are then the examples. An agent labels the states that a noisy player comes to: one that takes
    the teacher's action, and with probability `noise` a random legal one, so that the policy sees what
    to do after a mistake too; the label is always the teacher's action.
    """

    ALGORITHM: ClassVar[str] = "sft"

    teacher: str = Field(description="who is copied: `dqn`, an agent, or a tournament's folder")
    episodes: int = Field(256, ge=1, description="played for examples, or taken of a tournament")
    noise: float = Field(0.3, ge=0, le=1, description="ε, share of moves that the player draws at random")
    words: bool = Field(
        False, description="teach the teacher's whole reply, its reasons too, not its action alone"
    )
    best: float = Field(
        0.5, gt=0, le=1, description="of a tournament's successes, the share with the highest returns"
    )
    steps: int = Field(60, ge=1, description="optimiser steps")
    batch_size: int = Field(8, ge=1, description="decisions an optimiser step")
    learning_rate: float = Field(5e-4, gt=0, description="the highest, of AdamW")
    final_rate: float = Field(0.1, ge=0, le=1, description="share of the rate left at the end")
    # Replies are taught to be short: one that goes on for longer has lost its way.
    max_new_tokens: int = Field(32, ge=1, description="of an answer")
    eval_every: int = Field(30, ge=1, description="steps between evaluations on validation episodes")
    eval_episodes: int = Field(16, ge=1, description="validation episodes an evaluation")
    confirm_episodes: int | None = Field(
        0,
        ge=0,
        description="validation episodes on which a policy has to be the best to be kept; a look's own",
    )


# All weights of the built-in model rather than an adapter, and larger steps.
NANO: Mapping[str, Any] = {
    "lora_rank": 0,
    "learning_rate": 1e-3,
    "batch_size": 16,
    "max_new_tokens": 8,
    "eval_episodes": 100,
    "confirm_episodes": 200,
}


def sft_settings(agent: str) -> Mapping[str, Any]:
    """The layer of measured settings for a model; empty for those that the defaults are for."""
    return NANO if agent == "nano" else {}
