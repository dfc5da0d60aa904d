"""Games as a user writes them, in a file of their own: alone and for two, none of them registered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces

from arena_games import GameSpec, parse_action_tag
from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.base import Grid

ACTIONS = {"heads": "call heads", "tails": "call tails"}
TOSSES = 3


class Coin(SimultaneousEnv):
    """A coin lies in sight: naming its side is worth a point, of every toss, for every player."""

    def __init__(self, seats: int) -> None:
        super().__init__("coin", seats=seats, actions=2, grid_shape=(1, 1, 2))
        self._all = range(seats)

    def begin(self) -> None:
        self.tosses, self.points = 0, [0] * len(self._all)
        self.coin = int(self.rng.integers(2))

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        paid = {seat: float(move == self.coin) for seat, move in moves.items()}
        self.points = [self.points[seat] + int(paid[seat]) for seat in self._all]
        self.tosses, self.coin = self.tosses + 1, int(self.rng.integers(2))
        return paid

    def living(self) -> tuple[int, ...]:
        return tuple(self._all)

    def timed_out(self) -> bool:
        return self.tosses == TOSSES

    def outcome(self) -> Outcome | None:
        if not self.timed_out():
            return None
        places = tuple(1 + sum(other > own for other in self.points) for own in self.points)
        return Outcome(places, tuple(own > 1 for own in self.points))

    def text(self, seat: int) -> str:
        return f"A coin shows {list(ACTIONS)[self.coin]}. Toss {self.tosses + 1}. Actions: heads, tails"

    def grid(self, seat: int) -> Grid:
        planes = np.zeros((1, 1, 2), np.float32)
        planes[0, 0, self.coin] = 1.0
        return planes


class GridlessCoin(Coin):
    """The same with nothing to see but the text."""

    @cached_property
    def observation_spaces(self) -> dict[str, spaces.Space[Any]]:
        seen = {agent: dict(space) for agent, space in super().observation_spaces.items()}
        return {agent: spaces.Dict({k: v for k, v in s.items() if k != "grid"}) for agent, s in seen.items()}

    def observe(self, agent: str) -> dict[str, Any]:
        return {name: value for name, value in super().observe(agent).items() if name != "grid"}


def spec(seats: int, env: type[Coin]) -> GameSpec:
    return GameSpec(
        name="coin",
        version=1,
        seats=seats,
        open_seats=tuple(range(seats)),
        house=(),
        actions=ACTIONS,
        horizon=TOSSES,
        make_env=lambda: env(seats),
        task="Name the side that the coin shows.",
        rules=(f"There are {TOSSES} tosses.",),
        success="two of three tosses were called",
        parse=parse_action_tag(tuple(ACTIONS)),
    )


ALONE, PAIR, GRIDLESS = spec(1, Coin), spec(2, Coin), spec(1, GridlessCoin)
NO_GAME = "coin"
