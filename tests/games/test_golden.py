"""Golden playthroughs: one whole random episode of each scenario, line by line.

A changed prompt or rule changes every score, so it must be seen in review. After a change that is
meant, record them again and read the diff:

    .venv/bin/python tests/games/test_golden.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena_games.base import GameSpec, points
from arena_games.registry import BUILT_IN

FOLDER = Path(__file__).parents[1] / "golden"

# Chosen so that the episode shows something: a goal, an apple, a death that others survive.
SEEDS = {
    "frozen-lake": 6,
    "frozen-lake-slippery": 210,
    "snake": 117,
    "snake-poison": 152,
    "snake-duel": 139,
    "snake-royale": 93,
}


def record(spec: GameSpec, seed: int) -> str:
    """Play random legal moves on every seat and write down all that is seen, done, paid and ended."""
    return "\n".join([f"{spec.name}, version {spec.version}, seed {seed}", *_lines(spec, seed), ""])


def _lines(spec: GameSpec, seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    env = spec.make_env()
    env.reset(seed=seed)
    while env.agents:
        observation, paid, terminated, truncated, infos = env.last()
        yield f"\n=== {env.agent_selection}, paid {points(paid)}"
        if terminated or truncated:
            yield f"{'terminated' if terminated else 'truncated'} {infos}"
            env.step(None)
        else:
            action = int(rng.choice(np.flatnonzero(observation["action_mask"])))
            yield f"{observation['text']}\n> {spec.action_names[action]}"
            env.step(action)
            yield from _payments(env)


def _payments(env: Any) -> Iterator[str]:
    yield from (f"reward of {agent}: {points(reward)}" for agent, reward in env.rewards.items() if reward)


def golden_file(spec: GameSpec) -> Path:
    return FOLDER / f"{spec.name}.txt"


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_the_episode_is_the_recorded_one(spec: GameSpec) -> None:
    recorded = golden_file(spec).read_text(encoding="utf-8")
    assert record(spec, SEEDS[spec.name]).splitlines() == recorded.splitlines()


if __name__ == "__main__":
    for game in BUILT_IN:
        golden_file(game).write_text(record(game, SEEDS[game.name]), encoding="utf-8")
