"""What a FrozenLake player sees: the text, and the same state as planes."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np

from arena_games.base import Grid, points
from arena_games.frozen_lake.rules import ACTIONS, FrozenLakeConfig, FrozenLakeState
from arena_games.squares import Cell, canvas, listed, name

PLANES = ("player", "holes", "goal", "moves left")
PLAYER, HOLE, GOAL = b"POG"
LEGEND = "Legend: P you, G goal, O hole, _ ice"
CLOSING = f"Actions: {', '.join(ACTIONS)}"


@cache
def _opening(config: FrozenLakeConfig) -> str:
    last = config.size - 1
    ice = (
        "The ice is slippery: a move goes where intended or to either side, 1/3 each."
        if config.slippery
        else "The ice is firm: a move goes where intended."
    )
    return (
        f"Frozen lake, {config.size}x{config.size}. (0, 0) is bottom left and "
        f"({last}, {last}) is top right; x grows to the right, y grows up.\n"
        f"The goal is worth {points(config.goal_reward)}. A hole ends the game and is worth "
        f"{points(config.hole_reward)}. {ice}"
    )


@lru_cache(maxsize=4096)
def _lake(config: FrozenLakeConfig, holes: frozenset[Cell]) -> tuple[str, bytes]:
    """Where the goal and the holes are, in words and drawn: the same in every turn."""
    board = canvas(config.size)
    drawing = bytearray(board.free)
    drawing[board.places[config.goal]] = GOAL
    for hole in holes:
        drawing[board.places[hole]] = HOLE
    return f"Goal: {config.goal}\nHoles: {listed(tuple(sorted(holes)))}", bytes(drawing)


def render(config: FrozenLakeConfig, state: FrozenLakeState) -> str:
    """The text observation."""
    places, lake = _lake(config, state.holes)
    drawing = bytearray(lake)
    drawing[canvas(config.size).places[state.position]] = PLAYER
    return "\n".join(
        [
            _opening(config),
            f"Moves left: {config.horizon - state.turn}",
            f"You: {name(state.position)}",
            places,
            LEGEND,
            drawing.decode(),
            CLOSING,
        ]
    )


def planes(config: FrozenLakeConfig, state: FrozenLakeState) -> Grid:
    """float32 planes (4, H, W) named by `PLANES`; row 0 is y = 0."""
    grid = _empty(config, state.turn).copy()
    grid[0, state.position[1], state.position[0]] = 1.0
    for x, y in state.holes:
        grid[1, y, x] = 1.0
    return grid


@cache
def _empty(config: FrozenLakeConfig, turn: int) -> Grid:
    """The planes of a lake with neither player nor holes, to be copied."""
    grid = np.zeros((len(PLANES), config.size, config.size), np.float32)
    grid[2, config.goal[1], config.goal[0]] = 1.0
    grid[3] = (config.horizon - turn) / config.horizon
    return grid


def read_planes(config: FrozenLakeConfig, grid: Grid) -> FrozenLakeState:
    """The state that `planes` was made from."""
    ((y, x),) = np.argwhere(grid[0] > 0)
    holes = frozenset((int(cx), int(cy)) for cy, cx in np.argwhere(grid[1] > 0))
    return FrozenLakeState(holes, (int(x), int(y)), round(config.horizon * (1.0 - float(grid[3, 0, 0]))))
