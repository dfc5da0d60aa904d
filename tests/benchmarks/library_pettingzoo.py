"""PettingZoo's classic environments, and random play in its own loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np

PREFIX = "pettingzoo:"
NAMES = (
    *("connect_four_v3", "tictactoe_v3", "chess_v6", "go_v5(board_size=9)", "rps_v2", "leduc_holdem_v4"),
    *("texas_holdem_v4", "texas_holdem_no_limit_v6", "hanabi_v5"),
)


def names() -> list[str]:
    """All of the family."""
    return [PREFIX + name for name in NAMES]


def bare_loop(name: str) -> Callable[[], Iterator[None]]:
    """Random play from the masks, without any text: the library has none."""
    short, _, rest = name.removeprefix(PREFIX).partition("(")
    settings = {"board_size": 9} if rest else {}
    env = import_module(f"pettingzoo.classic.{short}").env(**settings)

    def play() -> Iterator[None]:
        rng, seed = random.Random(0), 0
        while True:
            env.reset(seed=seed)
            seed += 1
            for agent in env.agent_iter():
                seen, _, terminated, truncated, _ = env.last()
                if terminated or truncated:
                    env.step(None)
                    continue
                masked = isinstance(seen, dict)
                count = env.action_space(agent).n
                legal = np.flatnonzero(seen["action_mask"]).tolist() if masked else list(range(count))
                env.step(rng.choice(legal))
                yield

    return play
