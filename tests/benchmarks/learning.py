"""Where the processor time of a step of DQN's training on `snake` goes.

    python -m tests.benchmarks.learning

A round is played, and learned from, as in `arena train snake --agent dqn` behind the warm-up. What both sides
of the comparison with Stable-Baselines3 have to do alike is the updates, so their share bounds the quotient.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.dqn.train import DqnTraining
from arena.training.run_folder import RunFolder
from arena_games.registry import find_game

GAME = "snake"
BEFORE, ROUNDS = 8, 6


def parts() -> dict[str, float]:
    """Microseconds a decision of the learner's, by part."""
    config = DqnConfig.model_validate({"game": GAME, **dqn_preset(GAME)})
    with TemporaryDirectory() as folder:
        training = DqnTraining(config, RunFolder.create(Path(folder) / "run", config), find_game(GAME))
        spent: Counter[str] = Counter()
        training.buffer.sample = timed(training.buffer.sample, spent, "batches")  # type: ignore[method-assign]
        collect, learn = timed(training.collect, spent, "play"), timed(training.learn, spent, "learn")
        for step in range(1, BEFORE + ROUNDS + 1):
            if step == BEFORE + 1:
                spent.clear()
                before = training.env_steps
            training.step = step
            collect()
            learn()
        decisions = training.env_steps - before
    updates = spent["learn"] - spent["batches"]
    took = {"play, 64 matches at once": spent["play"], "batches from the buffer": spent["batches"]}
    return {name: 1e6 * seconds / decisions for name, seconds in {**took, "updates": updates}.items()}


def timed(work: Callable[..., Any], spent: Counter[str], part: str) -> Callable[..., Any]:
    """The work, which adds the processor time that it takes to a part."""

    def measured(*arguments: Any) -> Any:
        began = time.process_time()
        try:
            return work(*arguments)
        finally:
            spent[part] += time.process_time() - began  # type: ignore[assignment]

    return measured


if __name__ == "__main__":
    found = parts()
    for name, value in found.items():
        print(f"{name:<28}{value:7.0f} µs  {value / sum(found.values()):.0%}")
    print(f"were all but the updates free: {sum(found.values()) / found['updates']:.2f} times as fast")
