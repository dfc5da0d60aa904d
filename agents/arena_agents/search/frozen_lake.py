"""Exact value iteration on FrozenLake, firm or slippery, with the moves that are left."""

from __future__ import annotations

from functools import lru_cache

from arena_games.base import Observation
from arena_games.frozen_lake.rules import FrozenLakeConfig, directions, moved
from arena_games.frozen_lake.text import read_planes
from arena_games.squares import Cell

# A safe detour costs this much a move, so that equal chances are ordered by time.
HASTE = 1e-6


def action_values(config: FrozenLakeConfig, observation: Observation) -> list[float]:
    """The expected return of each action under best play afterwards, less a trace for each move."""
    if observation.grid is None:
        raise LookupError("search needs the numeric view of FrozenLake")
    state = read_planes(config, observation.grid)
    left = config.horizon - state.turn
    return [_action_value(config, state.holes, state.position, action, left) for action in range(4)]


def _action_value(
    config: FrozenLakeConfig, holes: frozenset[Cell], cell: Cell, action: int, left: int
) -> float:
    values = _state_values(config, holes)[left - 1]
    ways = directions(config, action)
    return sum(values[moved(config, cell, way)] for way in ways) / len(ways) - HASTE


@lru_cache(maxsize=4096)
def _state_values(config: FrozenLakeConfig, holes: frozenset[Cell]) -> list[dict[Cell, float]]:
    """Values by cell with 0, 1, … horizon moves left."""
    cells = [(x, y) for x in range(config.size) for y in range(config.size)]
    ends = dict.fromkeys(holes, config.hole_reward) | {config.goal: config.goal_reward}
    layers = [{cell: ends.get(cell, 0.0) for cell in cells}]
    for _ in range(config.horizon):
        after = layers[-1]
        layers.append({cell: ends[cell] if cell in ends else _best(config, after, cell) for cell in cells})
    return layers


def _best(config: FrozenLakeConfig, after: dict[Cell, float], cell: Cell) -> float:
    options = ([after[moved(config, cell, way)] for way in directions(config, action)] for action in range(4))
    return max(sum(option) / len(option) for option in options) - HASTE
