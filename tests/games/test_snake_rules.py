"""The rules of Snake, case by case, on boards set up by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arena_games.base import UsageError
from arena_games.snake import rules
from arena_games.snake.rules import Body, SnakeConfig, SnakeState
from arena_games.squares import Cell

UP, DOWN, LEFT, RIGHT = range(4)
SOLO = SnakeConfig(seats=1)
PAIR = SnakeConfig(seats=2)


def board(*bodies: Body, apples: tuple[Cell, ...] = (), turn: int = 0) -> SnakeState:
    zeros = (0,) * len(bodies)
    return SnakeState(bodies, apples, turn, eaten=zeros, lived=(turn,) * len(bodies))


def after(config: SnakeConfig, state: SnakeState, *moves: int, seed: int = 0) -> SnakeState:
    living = {seat: move for seat, move in enumerate(moves) if state.bodies[seat]}
    return rules.step(config, state, living, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("move", "head"), [(UP, (3, 4)), (DOWN, (3, 2)), (LEFT, (2, 3)), (RIGHT, (4, 3))], ids=rules.ACTIONS
)
def test_a_snake_moves_one_cell_and_its_tail_follows(move: int, head: Cell) -> None:
    assert after(SOLO, board(((3, 3),)), move).bodies == ((head,),)
    body = tuple((x, y) for x, y in ((3, 3), (6, 6), (6, 5)))
    assert after(SOLO, board(body), move).bodies == ((head, (3, 3), (6, 6)),)


def test_heads_that_meet_on_one_cell_both_die() -> None:
    state = after(PAIR, board(((2, 3),), ((4, 3),)), RIGHT, LEFT)
    assert state.bodies == ((), ())


def test_heads_that_meet_on_an_apple_leave_it() -> None:
    state = after(PAIR, board(((2, 3),), ((4, 3),), apples=((3, 3),)), RIGHT, LEFT)
    assert state.bodies == ((), ())
    assert (state.apples, state.eaten) == (((3, 3),), (0, 0))


def test_a_longer_snake_does_not_survive_a_head_on() -> None:
    state = after(PAIR, board(((2, 3), (1, 3), (0, 3)), ((4, 3),)), RIGHT, LEFT)
    assert state.living == ()


def test_snakes_that_swap_cells_both_die() -> None:
    assert after(PAIR, board(((2, 3),), ((3, 3),)), RIGHT, LEFT).living == ()


def test_a_tail_cell_kills_although_the_tail_moves_away() -> None:
    state = after(PAIR, board(((2, 3),), ((3, 4), (3, 3))), RIGHT, UP)
    assert state.living == (1,)


def test_a_single_head_that_moves_away_kills_too() -> None:
    assert after(PAIR, board(((2, 3),), ((3, 3),)), RIGHT, RIGHT).living == (1,)


@pytest.mark.parametrize(
    "body", [((3, 3), (2, 3)), ((3, 3), (3, 4), (2, 4), (2, 3))], ids=["neck", "own tail"]
)
def test_a_snake_dies_on_its_own_body(body: Body) -> None:
    assert after(SOLO, board(body), LEFT).living == ()


@pytest.mark.parametrize(
    ("head", "move"), [((0, 3), LEFT), ((6, 3), RIGHT), ((3, 0), DOWN), ((3, 6), UP)], ids=str
)
def test_walls_kill(head: Cell, move: int) -> None:
    assert after(SOLO, board((head,)), move).living == ()


def test_a_dead_snake_leaves_the_board() -> None:
    wall = after(PAIR, board(((0, 3), (1, 3)), ((1, 4),)), LEFT, RIGHT)
    assert wall.bodies == ((), ((2, 4),))
    assert after(PAIR, wall, LEFT, DOWN).bodies == ((), ((2, 3),))


def test_eating_keeps_the_tail_and_counts() -> None:
    state = after(SOLO, board(((3, 3), (2, 3)), apples=((4, 3),)), RIGHT)
    assert state.bodies == (((4, 3), (3, 3), (2, 3)),)
    assert state.eaten == (1,)


def test_eaten_apples_come_back_on_free_cells_and_the_others_stay() -> None:
    before = board(((3, 3),), ((0, 0),), apples=((4, 3), (1, 0), (6, 6)))
    for seed in range(300):
        state = after(PAIR, before, RIGHT, RIGHT, seed=seed)
        occupied = {cell for body in state.bodies for cell in body}
        assert state.apples[0] == (6, 6)
        assert len(set(state.apples)) == 3
        assert not occupied.intersection(state.apples)


def test_an_eaten_apple_can_come_back_on_every_free_cell_and_on_no_other() -> None:
    tiny = SnakeConfig(seats=1, size=2, apples=1)
    before = board(((0, 0),), apples=((1, 0),))
    seen = {after(tiny, before, RIGHT, seed=seed).apples for seed in range(60)}
    assert seen == {((0, 1),), ((1, 1),)}


def test_a_full_board_takes_as_many_apples_as_fit() -> None:
    tiny = SnakeConfig(seats=1, size=2, apples=2)
    filling = board(((0, 0), (0, 1)), apples=((1, 0), (1, 1)))
    almost = after(tiny, filling, RIGHT)
    assert (almost.bodies, almost.apples) == ((((1, 0), (0, 0), (0, 1)),), ((1, 1),))
    full = after(tiny, almost, UP)
    assert (len(full.bodies[0]), full.apples) == (4, ())


def test_spawns_are_distinct_cells_inside_the_board() -> None:
    crowded = SnakeConfig(seats=4, open_seats=4, size=3, apples=5)
    for seed in range(300):
        state = rules.draw_state(crowded, np.random.default_rng(seed))
        cells = [*(body[0] for body in state.bodies), *state.apples]
        assert all(len(body) == 1 for body in state.bodies)
        assert len(set(cells)) == len(cells) == 9
        assert all(rules.inside(crowded, cell) for cell in cells)


def test_a_board_that_cannot_hold_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        SnakeConfig(size=2, apples=3)
    with pytest.raises(ValueError, match="open_seats"):
        SnakeConfig(seats=2, open_seats=3)


@pytest.mark.parametrize("apple_reward", [1.0, -1.0], ids=["apple", "poison"])
def test_an_apple_pays_its_reward_and_grows_the_snake(apple_reward: float) -> None:
    config = replace(SOLO, apple_reward=apple_reward)
    before = board(((3, 3),), apples=((4, 3),))
    state = after(config, before, RIGHT)
    assert rules.reward(config, before, state, 0) == apple_reward
    assert len(state.bodies[0]) == 2


def test_death_is_paid_once_and_instead_of_an_apple() -> None:
    before = board(((2, 3),), ((4, 3),), apples=((3, 3),))
    dead = after(PAIR, before, RIGHT, LEFT)
    assert [rules.reward(PAIR, before, dead, seat) for seat in (0, 1)] == [-1.0, -1.0]
    later = after(PAIR, dead)
    assert [rules.reward(PAIR, dead, later, seat) for seat in (0, 1)] == [0.0, 0.0]


def test_one_open_seat_plays_on_alone_and_ends_with_its_own_death() -> None:
    alive, dead = ((3, 3),), ()
    assert not rules.over(PAIR, board(alive, dead))
    assert rules.over(PAIR, board(dead, alive))


def test_a_versus_game_ends_when_at_most_one_snake_lives() -> None:
    royale = SnakeConfig(seats=3, open_seats=3)
    first, second = ((3, 3),), ((5, 5),)
    assert not rules.over(royale, board(first, second, ()))
    assert rules.over(royale, board((), second, ()))
    assert rules.over(royale, board((), (), ()))


def test_the_horizon_ends_the_game() -> None:
    assert not rules.over(PAIR, board(((3, 3),), ((5, 5),), turn=19))
    assert rules.over(PAIR, board(((3, 3),), ((5, 5),), turn=20))


@pytest.mark.parametrize(
    ("lived", "eaten", "apple_reward", "places"),
    [
        ((9, 5), (0, 4), 1.0, (1, 2)),
        ((5, 5), (1, 3), 1.0, (2, 1)),
        ((5, 5), (1, 3), -1.0, (1, 2)),
        ((5, 5), (2, 2), 1.0, (1, 1)),
        ((7, 9, 7, 3), (1, 0, 1, 9), 1.0, (2, 1, 2, 4)),
    ],
    ids=["longer life", "then points", "poison loses points", "a tie", "tied second, then fourth"],
)
def test_placements(
    lived: tuple[int, ...], eaten: tuple[int, ...], apple_reward: float, places: tuple[int, ...]
) -> None:
    config = SnakeConfig(seats=len(lived), open_seats=len(lived), apple_reward=apple_reward)
    state = replace(board(*((),) * len(lived)), lived=lived, eaten=eaten)
    assert rules.placements(config, state) == places


def test_lived_counts_the_moves_survived() -> None:
    state = after(PAIR, board(((0, 3),), ((3, 3),), turn=4), LEFT, UP)
    assert state.lived == (4, 5)


@pytest.mark.parametrize("below", [1, 2, 3, 39, 48, 121])
def test_a_single_draw_is_the_one_of_choice_and_leaves_the_generator_alike(below: int) -> None:
    for seed in range(50):
        quick, plain = np.random.default_rng(seed), np.random.default_rng(seed)
        drawn = [rules.draw(quick, below, 1) for _ in range(3)]
        assert drawn == [plain.choice(below, 1, replace=False).tolist() for _ in range(3)]
        assert quick.bit_generator.state == plain.bit_generator.state


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"seats": 0}, "seats must be a whole number from 1 to"),
        ({"open_seats": 3}, "open_seats must be a whole number from 1 to 2, not 3"),
        ({"size": 1}, "size must be a whole number from 2 to 50"),
        ({"size": 7.0}, "size must be a whole number"),
        ({"apples": -1}, "apples must be a whole number from 0 to"),
        ({"apples": 48}, "2 snakes and 48 apples do not fit on 7x7 cells"),
        ({"horizon": 0}, "horizon must be a whole number from 1"),
        ({"apple_reward": 0}, "apple_reward must not be 0"),
        ({"apple_reward": float("nan")}, "apple_reward must be a finite number"),
        ({"death_reward": 1}, "death_reward must not be above 0, not 1"),
    ],
)
def test_numbers_that_cannot_be_played_are_one_line(numbers: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        SnakeConfig(**numbers)
    assert "\n" not in str(caught.value)


def test_a_board_without_apples_is_played() -> None:
    state = rules.draw_state(SnakeConfig(apples=0), np.random.default_rng(0))
    assert after(SnakeConfig(apples=0), state, RIGHT, LEFT).apples == ()
