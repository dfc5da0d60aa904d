"""The rules of FrozenLake, pure: states and moves in, states out.

Cells are (x, y) with (0, 0) bottom left, x to the right and y up. The start is top left, the goal
bottom right. Every other cell is a hole with probability 1 − `frozen`; the map is drawn again
until a safe path no longer than the horizon joins start and goal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import compress

import numpy as np

from arena_games.base import UsageError
from arena_games.frozen_lake.maps import map_split
from arena_games.scenario import LARGEST_BOARD, LONGEST_GAME, check_number, check_whole
from arena_games.splits import Split
from arena_games.squares import Cell

ACTIONS = {
    "left": "move one cell to the left",
    "down": "move one cell down",
    "right": "move one cell to the right",
    "up": "move one cell up",
}
MOVES: tuple[Cell, ...] = ((-1, 0), (0, -1), (1, 0), (0, 1))
MOST_DRAWS = 1000  # of maps, before numbers are refused
MAX_STRANGERS = 1000  # maps of other splits, after which one is taken as it is


@dataclass(frozen=True, slots=True)
class FrozenLakeConfig:
    """The numbers of one scenario. `slippery` sends a move to either side with 1/3 each."""

    size: int = 4
    frozen: float = 0.80
    slippery: bool = False
    horizon: int = 8
    goal_reward: float = 1.0
    hole_reward: float = 0.0

    def __post_init__(self) -> None:
        """Raises UsageError for numbers of which no map, or hardly one, could be played."""
        check_whole("size", self.size, 2, LARGEST_BOARD)
        check_whole("horizon", self.horizon, 1, LONGEST_GAME)
        check_number("frozen", self.frozen, 0, 1)
        check_number("goal_reward", self.goal_reward)
        check_number("hole_reward", self.hole_reward)
        shortest = 2 * (self.size - 1)
        if self.horizon < shortest:
            raise UsageError(
                f"from start to goal of a {self.size}x{self.size} map are {shortest} moves, more than "
                f"horizon={self.horizon}; set horizon={shortest} or more"
            )
        rng = np.random.default_rng(0)
        if not any(_drawn(self, rng) for _ in range(MOST_DRAWS)):
            raise UsageError(
                f"of {MOST_DRAWS} maps with size={self.size} and frozen={self.frozen:g} none can be crossed "
                f"in horizon={self.horizon} moves; raise frozen or horizon"
            )

    @property
    def start(self) -> Cell:
        return (0, self.size - 1)

    @property
    def goal(self) -> Cell:
        return (self.size - 1, 0)


@dataclass(frozen=True, slots=True)
class FrozenLakeState:
    """Where the holes and the player are, and how many moves were made."""

    holes: frozenset[Cell]
    position: Cell
    turn: int = 0


def draw_state(
    config: FrozenLakeConfig, rng: np.random.Generator, split: Split | None = None
) -> FrozenLakeState:
    """Draw a map of the split that can be solved within the horizon, with the player on its start.

    Without a split, of all maps. Lakes that have hardly any map (`frozen` near 1, `size` 2) may have none
    of a split: after `MAX_STRANGERS` solvable ones of others the last is taken.
    """
    strangers = 0
    while True:
        state = _drawn(config, rng)
        if state is None:
            continue
        strangers += 1
        if split is None or map_split(config.size, state.holes) == split or strangers >= MAX_STRANGERS:
            return state


def _drawn(config: FrozenLakeConfig, rng: np.random.Generator) -> FrozenLakeState | None:
    """One map, if it can be solved within the horizon."""
    inner = _inner(config)
    thawed = rng.random(len(inner)) >= config.frozen
    holes = frozenset(compress(inner, thawed.tolist()))
    return FrozenLakeState(holes, config.start) if solvable(config, holes) else None


@lru_cache(maxsize=16_384)
def solvable(config: FrozenLakeConfig, holes: frozenset[Cell]) -> bool:
    """Whether a safe path joins start and goal that is no longer than the horizon."""
    return distances_to_goal(config, holes).get(config.start, config.horizon + 1) <= config.horizon


@cache
def _inner(config: FrozenLakeConfig) -> tuple[Cell, ...]:
    """The cells that may be holes, in the order in which they are drawn."""
    cells = [(x, y) for y in range(config.size) for x in range(config.size)]
    return tuple(cell for cell in cells if cell not in (config.start, config.goal))


def distances_to_goal(config: FrozenLakeConfig, holes: frozenset[Cell]) -> dict[Cell, int]:
    """Safe moves to the goal from each cell that can reach it (breadth-first, no slipping)."""
    neighbours = _neighbours(config)
    distances = {config.goal: 0}
    queue = [config.goal]
    for cell in queue:  # grows while it is read
        for beside in neighbours[cell]:
            if beside not in distances and beside not in holes:
                distances[beside] = distances[cell] + 1
                queue.append(beside)
    return distances


@cache
def _neighbours(config: FrozenLakeConfig) -> dict[Cell, tuple[Cell, ...]]:
    """Where each cell's moves lead, itself at the border, in the order of `MOVES`."""
    cells = (*_inner(config), config.start, config.goal)
    return {cell: tuple(moved(config, cell, action) for action in range(len(MOVES))) for cell in cells}


def moved(config: FrozenLakeConfig, cell: Cell, action: int) -> Cell:
    """The cell one move away; the border holds the player back."""
    dx, dy = MOVES[action]
    x, y = cell[0] + dx, cell[1] + dy
    return (x, y) if 0 <= x < config.size and 0 <= y < config.size else cell


def directions(config: FrozenLakeConfig, action: int) -> tuple[int, ...]:
    """The directions a move may really take, all equally likely."""
    if not config.slippery:
        return (action,)
    return ((action - 1) % 4, action, (action + 1) % 4)


def step(
    config: FrozenLakeConfig, state: FrozenLakeState, action: int, rng: np.random.Generator
) -> FrozenLakeState:
    """One move; on slippery ice its direction is drawn from `rng`."""
    possible = directions(config, action)
    taken = possible[0] if len(possible) == 1 else possible[rng.integers(len(possible))]
    return FrozenLakeState(state.holes, moved(config, state.position, taken), state.turn + 1)


def at_goal(config: FrozenLakeConfig, state: FrozenLakeState) -> bool:
    return state.position == config.goal


def in_hole(state: FrozenLakeState) -> bool:
    return state.position in state.holes


def timed_out(config: FrozenLakeConfig, state: FrozenLakeState) -> bool:
    return state.turn >= config.horizon


def reward(config: FrozenLakeConfig, state: FrozenLakeState) -> float:
    """What entering this state pays."""
    if at_goal(config, state):
        return config.goal_reward
    return config.hole_reward if in_hole(state) else 0.0


def cells_top_down(size: int) -> Iterator[tuple[Cell, ...]]:
    """Rows of cells as they are drawn: the highest y first."""
    for y in reversed(range(size)):
        yield tuple((x, y) for x in range(size))
