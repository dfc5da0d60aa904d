"""Snake as an AEC episode: who is asked when, what is paid when, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from arena_games.conformance.playthrough import Playthrough, look, play
from arena_games.registry import find_game
from arena_games.snake.env import SnakeEnv
from arena_games.snake.rules import Body, SnakeConfig, SnakeState
from arena_games.squares import Cell

UP, DOWN, LEFT, RIGHT = range(4)


def start(*bodies: Body, open_seats: int, apples: tuple[Cell, ...] = (), turn: int = 0) -> SnakeEnv:
    """An environment with these snakes on the board."""
    env = SnakeEnv("test", SnakeConfig(seats=len(bodies), open_seats=open_seats))
    env.reset(seed=0)
    zeros = (0,) * len(bodies)
    env.state = SnakeState(bodies, apples, turn, eaten=zeros, lived=zeros)
    return env


def commit(env: SnakeEnv, *moves: int) -> None:
    for move in moves:
        env.step(move)


def dead_steps(env: SnakeEnv) -> list[tuple[str, float, dict[str, Any]]]:
    """Agent, pay and infos of every dead step that is due now."""
    seen = []
    while env.agents and look(env).ended:
        seen.append((env.agent_selection, look(env).paid, look(env).infos))
        env.step(None)
    return seen


def test_the_board_moves_only_when_all_have_committed() -> None:
    env = start(((1, 1),), ((5, 5),), open_seats=2)
    before = env.state
    env.step(RIGHT)
    assert env.state is before
    assert env.agent_selection == "seat_1"
    env.step(LEFT)
    assert env.state.bodies == (((2, 1),), ((4, 5),))


def test_a_royale_goes_on_after_a_death_with_one_dead_step() -> None:
    env = start(((0, 0),), ((3, 3),), ((5, 5),), open_seats=3)
    commit(env, LEFT, UP, UP)
    assert dead_steps(env) == [("seat_0", -1.0, {})]
    assert env.agents == ["seat_1", "seat_2"]
    assert env.agent_selection == "seat_1"
    commit(env, UP, DOWN)
    assert env.state.living == (1, 2)


def test_the_last_death_of_a_royale_ends_it_for_all_and_places_the_dead() -> None:
    env = start(((0, 0),), ((3, 3),), ((6, 5),), open_seats=3)
    commit(env, LEFT, UP, UP)
    dead_steps(env)
    commit(env, UP, RIGHT)
    infos = {"placements": (3, 1, 2), "successes": (False, True, False)}
    assert dead_steps(env) == [("seat_1", 0.0, infos), ("seat_2", -1.0, infos)]
    assert env.agents == []


def test_both_die_in_a_duel() -> None:
    env = start(((2, 3),), ((4, 3),), open_seats=2)
    commit(env, RIGHT, LEFT)
    assert env.terminations == {"seat_0": True, "seat_1": True}
    infos = {"placements": (1, 1), "successes": (True, True)}
    assert dead_steps(env) == [("seat_0", -1.0, infos), ("seat_1", -1.0, infos)]


def test_the_house_snake_may_die_and_the_game_goes_on() -> None:
    env = start(((3, 3),), ((0, 0),), open_seats=1)
    commit(env, UP, LEFT)
    assert dead_steps(env) == [("seat_1", -1.0, {})]
    assert env.agents == ["seat_0"]


def test_the_horizon_truncates_the_living() -> None:
    env = start(((3, 3),), ((5, 5),), open_seats=1, turn=19)
    commit(env, UP, UP)
    assert env.truncations == {"seat_0": True, "seat_1": True}
    assert env.terminations == {"seat_0": False, "seat_1": False}
    assert env.infos["seat_0"]["successes"] == (True, True)


def test_a_death_at_the_horizon_is_a_termination_and_no_success() -> None:
    env = start(((0, 0),), ((5, 5),), open_seats=1, turn=19)
    commit(env, LEFT, UP)
    assert env.terminations == {"seat_0": True, "seat_1": False}
    assert env.infos["seat_0"]["successes"] == (False, True)


def test_an_apple_is_paid_at_the_seats_next_turn_and_once() -> None:
    env = start(((3, 3),), ((5, 5),), open_seats=2, apples=((4, 3), (0, 6)))
    commit(env, RIGHT, UP)
    assert look(env).paid == 1.0
    env.step(UP)
    assert look(env).paid == 0.0
    env.step(LEFT)
    assert look(env).paid == 0.0


@pytest.mark.parametrize("action", [4, -1, None], ids=str)
def test_an_action_outside_the_space_is_refused(action: int | None) -> None:
    with pytest.raises(ValueError, match="outside"):
        start(((3, 3),), ((5, 5),), open_seats=2).step(action)


def deaths_paid(played: Playthrough, seat: int) -> int:
    return sum(visit.rewards.get(seat, 0.0) == -1.0 for visit in played.visits)


@pytest.mark.parametrize("name", ["snake", "snake-duel", "snake-royale"])
def test_no_seat_pays_for_two_deaths(name: str) -> None:
    spec = find_game(name)
    counts = [deaths_paid(play(spec, seed), seat) for seed in range(20) for seat in range(spec.seats)]
    assert max(counts) == 1
