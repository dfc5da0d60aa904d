"""What a Snake player sees: the text, and the same state as planes."""

from __future__ import annotations

import numpy as np

from arena_games.base import Grid, Observation, points
from arena_games.snake.rules import ACTIONS, Body, Cell, SnakeConfig, SnakeState, inside, moved

PLANES = ("own head", "own body", "other heads", "other bodies", "apples", "moves left")


def render(config: SnakeConfig, state: SnakeState, seat: int) -> str:
    """The text observation of one seat."""
    last = config.size - 1
    return "\n".join(
        [
            f"Snake, {config.size}x{config.size}. (0, 0) is bottom left and ({last}, {last}) is top right; "
            "x grows to the right, y grows up.",
            f"An apple is worth {points(config.apple_reward)} and makes a snake one cell longer. "
            f"Dying is worth {points(config.death_reward)}.",
            f"Moves left: {config.horizon - state.turn}",
            f"You: {_where(state.bodies[seat])}",
            *(
                f"Snake {other + 1}: {_where(body)}"
                for other, body in enumerate(state.bodies)
                if other != seat
            ),
            f"Apples: {_cells(state.apples)}",
            "Legend: H your head, B your body, E other head, T other body, A apple, _ free",
            *_board(config, state, seat),
            f"Actions: {', '.join(ACTIONS)}",
        ]
    )


def _cells(cells: Body) -> str:
    return " ".join(map(str, cells)) or "none"


def _where(body: Body) -> str:
    return f"head {body[0]} body {_cells(body[1:])}" if body else "dead"


def _board(config: SnakeConfig, state: SnakeState, seat: int) -> list[str]:
    symbols: dict[Cell, str] = dict.fromkeys(state.apples, "A")
    for other, body in enumerate(state.bodies):
        head, trunk = ("H", "B") if other == seat else ("E", "T")
        symbols.update(dict.fromkeys(body[1:], trunk))
        symbols.update(dict.fromkeys(body[:1], head))
    return [
        " ".join(symbols.get((x, y), "_") for x in range(config.size)) for y in reversed(range(config.size))
    ]


def planes(config: SnakeConfig, state: SnakeState, seat: int) -> Grid:
    """float32 planes (6, H, W) named by `PLANES`; row 0 is y = 0.

    A body cell holds the number of moves until it falls free, over the number of cells, so that
    the order of the segments can be read back.
    """
    area = config.size**2
    grid = np.zeros((len(PLANES), config.size, config.size), np.float32)
    for other, body in enumerate(state.bodies):
        first = 0 if other == seat else 2
        for index, (x, y) in enumerate(body):
            grid[first + (index > 0), y, x] = 1.0 if index == 0 else (len(body) - index) / area
    for x, y in state.apples:
        grid[4, y, x] = 1.0
    grid[5] = (config.horizon - state.turn) / config.horizon
    return grid


def prudent_moves(config: SnakeConfig, observation: Observation) -> tuple[int, ...]:
    """The legal moves that hit neither a wall nor the player's own body; all of them if none does."""
    grid = observation.grid
    if grid is None:
        return observation.legal
    ((y, x),) = np.argwhere(grid[0] > 0)
    targets = {action: moved((int(x), int(y)), action) for action in observation.legal}
    prudent = tuple(
        action for action, (tx, ty) in targets.items() if inside(config, (tx, ty)) and not grid[1, ty, tx]
    )
    return prudent or observation.legal
