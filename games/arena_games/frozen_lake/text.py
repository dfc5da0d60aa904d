"""What a FrozenLake player sees: the text, and the same state as planes."""

from __future__ import annotations

import numpy as np

from arena_games.base import Grid, points
from arena_games.frozen_lake.rules import ACTIONS, Cell, FrozenLakeConfig, FrozenLakeState, cells_top_down

PLANES = ("player", "holes", "goal", "moves left")


def render(config: FrozenLakeConfig, state: FrozenLakeState) -> str:
    """The text observation."""
    last = config.size - 1
    ice = (
        "The ice is slippery: a move goes where intended or to either side, 1/3 each."
        if config.slippery
        else "The ice is firm: a move goes where intended."
    )
    holes = " ".join(map(str, sorted(state.holes))) or "none"
    return "\n".join(
        [
            f"Frozen lake, {config.size}x{config.size}. (0, 0) is bottom left and "
            f"({last}, {last}) is top right; x grows to the right, y grows up.",
            f"The goal is worth {points(config.goal_reward)}. A hole ends the game and is worth "
            f"{points(config.hole_reward)}. {ice}",
            f"Moves left: {config.horizon - state.turn}",
            f"You: {state.position}",
            f"Goal: {config.goal}",
            f"Holes: {holes}",
            "Legend: P you, G goal, O hole, _ ice",
            *(" ".join(_symbol(config, state, cell) for cell in row) for row in cells_top_down(config.size)),
            f"Actions: {', '.join(ACTIONS)}",
        ]
    )


def _symbol(config: FrozenLakeConfig, state: FrozenLakeState, cell: Cell) -> str:
    if cell == state.position:
        return "P"
    if cell in state.holes:
        return "O"
    return "G" if cell == config.goal else "_"


def planes(config: FrozenLakeConfig, state: FrozenLakeState) -> Grid:
    """float32 planes (4, H, W) named by `PLANES`; row 0 is y = 0."""
    grid = np.zeros((len(PLANES), config.size, config.size), np.float32)
    grid[0, state.position[1], state.position[0]] = 1.0
    for x, y in state.holes:
        grid[1, y, x] = 1.0
    grid[2, config.goal[1], config.goal[0]] = 1.0
    grid[3] = (config.horizon - state.turn) / config.horizon
    return grid


def read_planes(config: FrozenLakeConfig, grid: Grid) -> FrozenLakeState:
    """The state that `planes` was made from."""
    ((y, x),) = np.argwhere(grid[0] > 0)
    holes = frozenset((int(cx), int(cy)) for cy, cx in np.argwhere(grid[1] > 0))
    return FrozenLakeState(holes, (int(x), int(y)), round(config.horizon * (1.0 - float(grid[3, 0, 0]))))
