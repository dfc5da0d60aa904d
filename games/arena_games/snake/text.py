"""What a Snake player sees: the text, and the same state as planes."""

from __future__ import annotations

from functools import cache

import numpy as np

from arena_games.base import Grid, Observation, points
from arena_games.snake.rules import ACTIONS, Body, SnakeConfig, SnakeState, inside, moved
from arena_games.squares import Cell, canvas, listed, name

PLANES = ("own head", "own body", "other heads", "other bodies", "apples", "moves left")
OWN, OTHER, APPLE = b"HB", b"ET", ord("A")  # of a snake: its head, its body
LEGEND = "Legend: H your head, B your body, E other head, T other body, A apple, _ free"
CLOSING = f"Actions: {', '.join(ACTIONS)}"


@cache  # of numbers, which are looked up faster than a whole config
def _opening(size: int, apple_reward: float, death_reward: float, left: int) -> str:
    last = size - 1
    return (
        f"Snake, {size}x{size}. (0, 0) is bottom left and ({last}, {last}) is top right; "
        "x grows to the right, y grows up.\n"
        f"An apple is worth {points(apple_reward)} and makes a snake one cell longer. "
        f"Dying is worth {points(death_reward)}.\n"
        f"Moves left: {left}"
    )


def render(config: SnakeConfig, state: SnakeState, seat: int) -> str:
    """The text observation of one seat."""
    return "\n".join(
        [
            _opening(config.size, config.apple_reward, config.death_reward, config.horizon - state.turn),
            f"You: {_where(state.bodies[seat])}",
            *[f"Snake {i + 1}: {_where(body)}" for i, body in enumerate(state.bodies) if i != seat],
            f"Apples: {listed(state.apples)}",
            LEGEND,
            _drawing(config, state, seat),
            CLOSING,
        ]
    )


def _where(body: Body) -> str:
    return f"head {name(body[0])} body {listed(body[1:])}" if body else "dead"


def _drawing(config: SnakeConfig, state: SnakeState, seat: int) -> str:
    board = canvas(config.size)
    drawing, places = bytearray(board.free), board.places
    for apple in state.apples:
        drawing[places[apple]] = APPLE
    for other, body in enumerate(state.bodies):
        head, trunk = OWN if other == seat else OTHER
        for cell in body[1:]:
            drawing[places[cell]] = trunk
        if body:
            drawing[places[body[0]]] = head
    return drawing.decode()


def planes(config: SnakeConfig, state: SnakeState, seat: int) -> Grid:
    """float32 planes (6, H, W) named by `PLANES`; row 0 is y = 0.

    A body cell holds the number of moves until it falls free, over the number of cells, so that
    the order of the segments can be read back.
    """
    area = config.size**2
    grid = _empty(config.size, (config.horizon - state.turn) / config.horizon).copy()
    for other, body in enumerate(state.bodies):
        first = 0 if other == seat else 2
        for index, (x, y) in enumerate(body):
            grid[first + (index > 0), y, x] = 1.0 if index == 0 else (len(body) - index) / area
    for x, y in state.apples:
        grid[4, y, x] = 1.0
    return grid


@cache
def _empty(size: int, left: float) -> Grid:
    """The planes of an empty board, to be copied."""
    grid = np.zeros((len(PLANES), size, size), np.float32)
    grid[5] = left
    return grid


def prudent_moves(config: SnakeConfig, observation: Observation) -> tuple[int, ...]:
    """The legal moves that hit neither a wall nor the player's own body; all of them if none does."""
    grid = observation.grid
    if grid is None:
        return observation.legal
    y, x = divmod(int(grid[0].argmax()), config.size)
    prudent = tuple([action for action in observation.legal if _free(config, grid[1], moved((x, y), action))])
    return prudent or observation.legal


def _free(config: SnakeConfig, own_body: Grid, cell: Cell) -> bool:
    return inside(config, cell) and not own_body[cell[1], cell[0]]
