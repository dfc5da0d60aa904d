"""What a DQN run is told, and what was measured to work on each game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from arena.training.config import TrainConfig
from arena_games.variants import split_numbers


class DqnConfig(TrainConfig):
    """Double DQN (Mnih 2015, van Hasselt 2016) with n-step returns and a dueling network.

    A step is a round: `episodes` matches are played, then `updates` batches are learned from.
    The learner learns from every seat that it holds: with `house` opponents, from all open ones.
    """

    ALGORITHM: ClassVar[str] = "dqn"

    agent: str = Field("dqn", description="who is trained, as `--agent` names it")
    steps: int = Field(80, ge=1, description="rounds of play and learning")
    eval_every: int = Field(10, ge=1, description="rounds between evaluations on validation episodes")
    eval_episodes: int = Field(200, ge=1, description="validation episodes an evaluation")

    episodes: int = Field(64, ge=1, description="matches a round, played in lockstep")
    updates: int = Field(32, ge=1, description="optimiser steps a round")
    warmup: int = Field(4, ge=0, description="rounds of random play before learning")
    batch_size: int = Field(128, ge=1, description="transitions an update")
    capacity: int = Field(100_000, ge=1, description="decisions that the replay buffer holds")
    n_step: int = Field(3, ge=1, description="rewards summed before the bootstrap")
    discount: float = Field(0.97, ge=0, le=1, description="worth of a reward one decision later")
    epsilon_start: float = Field(1.0, ge=0, le=1, description="ε, share of random moves, at first")
    epsilon_final: float = Field(0.05, ge=0, le=1, description="ε in the end")
    epsilon_decay: float = Field(0.3, gt=0, le=1, description="share of the run over which ε falls")
    target_every: int = Field(200, ge=1, description="updates between copies to the target network")
    learning_rate: float = Field(1e-3, gt=0, description="the highest, of AdamW")
    final_rate: float = Field(0.1, ge=0, le=1, description="share of the rate left at the end")
    weight_decay: float = Field(1e-4, ge=0, description="of AdamW")
    max_grad_norm: float = Field(10.0, gt=0, description="to which longer gradients are cut")
    hidden: int = Field(128, ge=1, description="width of the network's two layers")
    radius: int = Field(6, ge=1, description="cells that the network sees to each side of its piece")


# On one thread: FrozenLake about 20 s of processor time, Snake about a minute. Slippery ice is mostly
# luck, so that choosing the best policy takes more held-out episodes.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "frozen-lake": {"steps": 60, "episodes": 128},
    "frozen-lake-slippery": {"steps": 60, "episodes": 128, "eval_episodes": 400},
    "snake": {"steps": 100},
    "snake-royale": {"episodes": 32},
}


def dqn_preset(game: str) -> dict[str, Any]:
    """The layer of measured settings for a game; empty for games that we have not measured."""
    return dict(PRESETS.get(split_numbers(game)[0], {}))
