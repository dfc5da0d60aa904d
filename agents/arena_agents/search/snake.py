"""Breadth-first search on Snake, with a check that the snake can go on living.

Each move is judged by whether it kills, whether another head can reach the same cell, whether the
room behind it is large enough to live in, and by how soon apples can be reached from there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from arena_games.base import Grid, Observation
from arena_games.snake.rules import MOVES, SnakeConfig, inside, moved
from arena_games.squares import Cell

DEATH, TRAPPED, CONTESTED, POISONED = -1000.0, -100.0, -10.0, -30.0
APPLE_DISCOUNT = 0.6


@dataclass(frozen=True, slots=True)
class Board:
    """What the planes say: the own head and length, when each occupied cell falls free, the rest."""

    head: Cell
    length: int
    frees: dict[Cell, int]
    rivals: tuple[Cell, ...]
    apples: frozenset[Cell]
    left: int


def read_board(config: SnakeConfig, grid: Grid) -> Board:
    """Decode the planes of `arena_games.snake.text.planes`."""
    area = config.size**2
    own, others = _cells(grid[0])[0], _cells(grid[2])
    frees = {
        cell: round(float((grid[1] + grid[3])[cell[1], cell[0]]) * area) for cell in _cells(grid[1] + grid[3])
    }
    length = 1 + len(_cells(grid[1]))
    frees[own] = length
    frees |= {head: 1 + max((frees.get(_beside(head, a), 0) for a in range(4)), default=0) for head in others}
    return Board(
        own,
        length,
        frees,
        tuple(others),
        frozenset(_cells(grid[4])),
        round(config.horizon * float(grid[5, 0, 0])),
    )


def _cells(plane: Grid) -> list[Cell]:
    return [(int(x), int(y)) for y, x in np.argwhere(plane > 0)]


_beside = moved


def action_values(config: SnakeConfig, observation: Observation) -> list[float]:
    """The worth of each move, (4,)."""
    if observation.grid is None:
        raise LookupError("search needs the numeric view of Snake")
    board = read_board(config, observation.grid)
    return [_value(config, board, moved(board.head, action)) for action in range(len(MOVES))]


def _value(config: SnakeConfig, board: Board, target: Cell) -> float:
    if not inside(config, target) or target in board.frees:
        return DEATH
    arrivals = reachable(config, board, target)
    value = TRAPPED * (max(arrivals.values()) < min(board.length + 1, board.left))
    value += CONTESTED * any(abs(x - target[0]) + abs(y - target[1]) == 1 for x, y in board.rivals)
    if config.apple_reward < 0:
        return value + POISONED * (target in board.apples) + 0.01 * len(arrivals)
    soon = (APPLE_DISCOUNT ** arrivals[apple] for apple in board.apples if apple in arrivals)
    return value + config.apple_reward * (10 * sum(soon)) + 0.001 * len(arrivals)


def reachable(config: SnakeConfig, board: Board, target: Cell) -> dict[Cell, int]:
    """The move on which each cell can first be entered, `target` on move 1, bodies receding."""
    arrivals = {target: 1}
    queue = deque([target])
    while queue:
        cell = queue.popleft()
        for action in range(len(MOVES)):
            beside = moved(cell, action)
            if beside in arrivals or not inside(config, beside):
                continue
            if board.frees.get(beside, 0) <= arrivals[cell]:
                arrivals[beside] = arrivals[cell] + 1
                queue.append(beside)
    return arrivals
