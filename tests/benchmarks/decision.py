"""Where the microseconds of a `snake-duel` decision go, least of many runs in processor time.

    python -m tests.benchmarks.decision

A decision is a `last()` and a `step()`; a game's reset is shared by 6.7 of them when players move at random,
and every second `step()` moves the board. The last row is a whole decision of an environment in which nothing
happens: no rules, no chance, the same text and planes at every look. So much the protocol takes (PettingZoo's
turns, masks, rewards, and what ends an episode), whatever is played by it.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.base import Grid
from arena_games.registry import find_game
from arena_games.snake import rules, text

SEED = 5  # nobody dies or eats in the first turn
AGAIN, RUNS = 500, 40
EPISODE = 6  # decisions of `Nothing`


class Nothing(SimultaneousEnv):
    """Two seats, six decisions an episode, and nothing to decide on."""

    def __init__(self) -> None:
        super().__init__("nothing", 2, 4, (6, 7, 7))
        self.turn, self.planes = 0, np.zeros((6, 7, 7), np.float32)

    def begin(self) -> None:
        self.turn = 0

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        self.turn += 1
        return dict.fromkeys(moves, 0.0)

    def living(self) -> tuple[int, ...]:
        return (0, 1)

    def outcome(self) -> Outcome | None:
        return Outcome((1, 1), (True, True)) if self.turn == EPISODE // 2 else None

    def timed_out(self) -> bool:
        return True

    def text(self, seat: int) -> str:
        return "a board"

    def grid(self, seat: int) -> Grid:
        return self.planes


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
    took["a decision of an empty game"] = microseconds(partial(_whole_episode, Nothing())) / EPISODE
    return took


def _whole_episode(env: Nothing) -> None:
    env.reset(seed=SEED)
    while env.agents:
        agent = env.agent_selection
        over = env.terminations[agent] or env.truncations[agent]
        env.last(observe=not over)
        env.step(None if over else 0)


if __name__ == "__main__":
    for name, value in parts().items():
        print(f"{name:<32}{value:6.1f} µs")
