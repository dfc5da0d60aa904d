"""Where the microseconds of a `snake-duel` decision go, least of many runs in processor time.

    python -m tests.benchmarks.decision

A decision is a `last()` and a `step()`; a game's reset is shared by 6.7 of them when players move at random,
and every second `step()` moves the board.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

import numpy as np

from arena_games.registry import find_game
from arena_games.snake import rules, text

SEED = 5  # nobody dies or eats in the first turn
AGAIN, RUNS = 500, 40


def microseconds(once: Callable[[], object]) -> float:
    """The least of `RUNS` means over `AGAIN` calls."""
    return 1e6 * min(timeit.repeat(once, number=AGAIN, repeat=RUNS, timer=time.process_time)) / AGAIN


def parts() -> dict[str, float]:
    """Microseconds of each part, those of a part below it."""
    env = find_game("snake-duel").make_env()

    def reset() -> None:
        env.reset(seed=SEED)

    def moved() -> None:
        reset()
        env.step(0)
        env.step(1)

    took = {"reset()": microseconds(reset)}
    took["  a generator from the seed"] = microseconds(lambda: np.random.Generator(np.random.PCG64(SEED)))
    took["  snakes and apples drawn"] = microseconds(lambda: rules.draw_state(env.config, env.rng))
    took["step() twice, the board moves"] = microseconds(moved) - took["reset()"]
    took["last()"] = microseconds(env.last)
    took["  the text"] = microseconds(lambda: text.render(env.config, env.state, 0))
    took["  the planes"] = microseconds(lambda: text.planes(env.config, env.state, 0))
    return took


if __name__ == "__main__":
    for name, value in parts().items():
        print(f"{name:<32}{value:6.1f} µs")
