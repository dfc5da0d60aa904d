"""The rules of Snake, pure: states and moves in, states out.

Cells are (x, y) with (0, 0) bottom left, x to the right and y up. All living snakes commit a move,
then the board resolves once: new heads; two heads on one cell, all of them die; walls; any cell
that was occupied *before* the move, a tail that moves away included, is death (so snakes that
swap cells both die); then eating and growing; eaten apples reappear on free cells after all moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np

from arena_games.base import UsageError
from arena_games.scenario import LARGEST_BOARD, LONGEST_GAME, check_number, check_whole
from arena_games.squares import Cell

Body = tuple[Cell, ...]

ACTIONS = {
    "up": "move your head one cell up",
    "down": "move your head one cell down",
    "left": "move your head one cell to the left",
    "right": "move your head one cell to the right",
}
MOVES: tuple[Cell, ...] = ((0, 1), (0, -1), (-1, 0), (1, 0))


@dataclass(frozen=True, slots=True)
class SnakeConfig:
    """The numbers of one scenario. The first `open_seats` seats are the agents under test."""

    seats: int = 2
    open_seats: int = 1
    size: int = 7
    apples: int = 5
    apple_reward: float = 1.0
    death_reward: float = -1.0
    horizon: int = 20

    def __post_init__(self) -> None:
        """Raises UsageError for numbers that cannot be played, or that make the rules' words wrong."""
        check_whole("seats", self.seats, 1, LARGEST_BOARD**2)
        check_whole("open_seats", self.open_seats, 1, self.seats)
        check_whole("size", self.size, 2, LARGEST_BOARD)
        check_whole("apples", self.apples, 0, LARGEST_BOARD**2)
        check_whole("horizon", self.horizon, 1, LONGEST_GAME)
        check_number("apple_reward", self.apple_reward)
        check_number("death_reward", self.death_reward)
        if self.apple_reward == 0:
            raise UsageError("apple_reward must not be 0; with apples=0 there are none")
        if self.death_reward > 0:
            raise UsageError(f"death_reward must not be above 0, not {self.death_reward:g}")
        if self.seats + self.apples > self.size**2:
            raise UsageError(
                f"{self.seats} snakes and {self.apples} apples do not fit on {self.size}x{self.size} cells"
            )


@dataclass(frozen=True, slots=True)
class SnakeState:
    """`bodies` by seat, head first, empty once dead. `apples` in a fixed order.

    `eaten` counts apples and `lived` the moves survived, both by seat.
    """

    bodies: tuple[Body, ...]
    apples: tuple[Cell, ...]
    turn: int
    eaten: tuple[int, ...]
    lived: tuple[int, ...]

    @property
    def living(self) -> tuple[int, ...]:
        return tuple([seat for seat, body in enumerate(self.bodies) if body])


def draw_state(config: SnakeConfig, rng: np.random.Generator) -> SnakeState:
    """Heads of length 1 and apples on distinct random cells."""
    drawn = draw(rng, config.size**2, config.seats + config.apples)
    cells = [(index % config.size, index // config.size) for index in drawn]
    zeros = (0,) * config.seats
    return SnakeState(
        bodies=tuple([(cell,) for cell in cells[: config.seats]]),
        apples=tuple(cells[config.seats :]),
        turn=0,
        eaten=zeros,
        lived=zeros,
    )


def step(
    config: SnakeConfig, state: SnakeState, moves: Mapping[int, int], rng: np.random.Generator
) -> SnakeState:
    """Resolve one simultaneous move of all living snakes; `moves` maps seat to action."""
    turn = state.turn + 1
    heads = {seat: moved(body[0], moves[seat]) for seat, body in enumerate(state.bodies) if body}
    dead = deaths(config, state, heads)
    bodies, eaten, lived = list(state.bodies), list(state.eaten), list(state.lived)
    for seat, head in heads.items():
        if seat in dead:
            bodies[seat] = ()
            continue
        eats = head in state.apples
        bodies[seat] = (head, *(bodies[seat] if eats else bodies[seat][:-1]))
        eaten[seat] += eats
        lived[seat] = turn
    apples = state.apples if tuple(eaten) == state.eaten else _restocked(config, state.apples, bodies, rng)
    return SnakeState(tuple(bodies), apples, turn, tuple(eaten), tuple(lived))


def moved(cell: Cell, action: int) -> Cell:
    """The neighbouring cell, which may lie outside the board."""
    dx, dy = MOVES[action]
    return cell[0] + dx, cell[1] + dy


def inside(config: SnakeConfig, cell: Cell) -> bool:
    return 0 <= cell[0] < config.size and 0 <= cell[1] < config.size


def deaths(config: SnakeConfig, state: SnakeState, heads: Mapping[int, Cell]) -> set[int]:
    """The seats whose new heads collide, by the order of the module's docstring."""
    claimed = list(heads.values())
    occupied = set(chain.from_iterable(state.bodies))
    return {
        seat
        for seat, head in heads.items()
        if head in occupied or claimed.count(head) > 1 or not inside(config, head)
    }


def _restocked(
    config: SnakeConfig, apples: tuple[Cell, ...], bodies: Sequence[Body], rng: np.random.Generator
) -> tuple[Cell, ...]:
    """The apples on which no snake has come, then as many new ones as were eaten and find room."""
    taken = set(chain.from_iterable(bodies))
    kept = tuple([cell for cell in apples if cell not in taken])
    taken.update(kept)
    free = [cell for cell in _cells(config.size) if cell not in taken]
    drawn = draw(rng, len(free), min(len(apples) - len(kept), len(free)))
    return kept + tuple([free[index] for index in drawn])


@cache
def _cells(size: int) -> tuple[Cell, ...]:
    """Row by row from the bottom."""
    return tuple((x, y) for y in range(size) for x in range(size))


def draw(rng: np.random.Generator, below: int, count: int) -> list[int]:
    """Different numbers from 0 on; a single one costs less by `integers`, and is the one of `choice`."""
    if count == 1:
        return [int(rng.integers(below))]
    drawn: list[int] = rng.choice(below, count, replace=False).tolist()
    return drawn


def reward(config: SnakeConfig, before: SnakeState, after: SnakeState, seat: int) -> float:
    """What the move from `before` to `after` pays a seat: its apple, or its death, once."""
    if not before.bodies[seat]:
        return 0.0
    if not after.bodies[seat]:
        return config.death_reward
    return config.apple_reward * (after.eaten[seat] - before.eaten[seat])


def timed_out(config: SnakeConfig, state: SnakeState) -> bool:
    return state.turn >= config.horizon


def over(config: SnakeConfig, state: SnakeState) -> bool:
    """One open seat: when its snake is dead. Several: when at most one snake lives."""
    if timed_out(config, state):
        return True
    return not state.bodies[0] if config.open_seats == 1 else sum(map(bool, state.bodies)) <= 1


def placements(config: SnakeConfig, state: SnakeState) -> tuple[int, ...]:
    """Places from 1, by longer life, then by the points eaten; equals share a place."""
    keys = [
        (lived, config.apple_reward * eaten) for lived, eaten in zip(state.lived, state.eaten, strict=True)
    ]
    return tuple(1 + sum(other > key for other in keys) for key in keys)


def span(config: SnakeConfig) -> tuple[float, float]:
    """The least and the greatest return of a seat: an apple a move at most, and one death."""
    apples = (0.0, config.apple_reward * config.horizon)
    before_death = (0.0, config.apple_reward * (config.horizon - 1))
    returns = (*apples, *[eaten + config.death_reward for eaten in before_death])
    return min(returns), max(returns)
