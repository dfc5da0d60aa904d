"""Gymnasium's toy-text environments, and random play in its own loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import gymnasium

PREFIX = "gym:"


def names() -> list[str]:
    """Those with Discrete actions and a text."""
    ids = ("CliffWalking-v1", "CliffWalkingSlippery-v1", "FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4")
    return [PREFIX + id_ for id_ in (*ids, "Blackjack-v1")]


def bare_loop(name: str) -> Callable[[], Iterator[None]]:
    """Random play with the text that is drawn, where one is."""
    id_ = name.removeprefix(PREFIX)
    draws = id_ != "Blackjack-v1"
    env = gymnasium.make(id_, disable_env_checker=True, **({"render_mode": "ansi"} if draws else {}))

    def play() -> Iterator[None]:
        rng, seed, turns = random.Random(0), 0, 0
        while True:
            env.reset(seed=seed)
            seed, turns, over = seed + 1, 0, False
            while not over and turns < 200:
                _ = env.render() if draws else None
                _, _, terminated, truncated, _ = env.step(rng.randrange(int(env.action_space.n)))
                turns, over = turns + 1, terminated or truncated
                yield

    return play
