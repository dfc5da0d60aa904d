"""What players are shown: the text, its drawing and the planes tell one and the same state."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from arena_games.base import GameSpec, Grid, Observation, points
from arena_games.conformance.playthrough import pass_the_dead, play
from arena_games.frozen_lake import text as lake_text
from arena_games.frozen_lake.rules import FrozenLakeConfig, FrozenLakeState
from arena_games.registry import BUILT_IN
from arena_games.snake import text as snake_text
from arena_games.snake.rules import Body, SnakeConfig, SnakeState
from arena_games.squares import Cell

EPISODES = 15
SNAKES = [spec for spec in BUILT_IN if isinstance(spec.config, SnakeConfig)]
LAKES = [spec for spec in BUILT_IN if isinstance(spec.config, FrozenLakeConfig)]
every_game = pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
every_snake = pytest.mark.parametrize("spec", SNAKES, ids=lambda spec: spec.name)
every_lake = pytest.mark.parametrize("spec", LAKES, ids=lambda spec: spec.name)


def states(spec: GameSpec) -> Iterator[Any]:
    """Every state of some random episodes, the last ones too."""
    for seed in range(EPISODES):
        env = spec.make_env()
        env.reset(seed=seed)
        for action in play(spec, seed).actions:
            yield env.state
            pass_the_dead(env)
            env.step(action)
        yield env.state


def cells_after(label: str, text: str) -> list[Cell]:
    """The cells that the line with this label lists."""
    (line,) = re.findall(rf"^{label}: (.*)$", text, re.MULTILINE)
    return [(int(x), int(y)) for x, y in re.findall(r"\((\d+), (\d+)\)", line)]


def drawn(text: str, size: int) -> dict[Cell, str]:
    """The symbol of each cell, read off the drawing between the legend and the actions."""
    lines = text.partition("Legend: ")[2].splitlines()[1:-1]
    assert len(lines) == size
    rows = {size - 1 - number: line.split(" ") for number, line in enumerate(lines)}
    assert all(len(row) == size for row in rows.values())
    return {(x, y): symbol for y, row in rows.items() for x, symbol in enumerate(row)}


def where(board: dict[Cell, str], symbol: str) -> set[Cell]:
    return {cell for cell, found in board.items() if found == symbol}


@every_lake
def test_a_lakes_text_says_where_everything_is_drawn(spec: GameSpec) -> None:
    for state in states(spec):
        text = lake_text.render(spec.config, state)
        board = drawn(text, spec.config.size)
        assert cells_after("You", text) == [state.position]
        assert where(board, "P") == {state.position}
        assert set(cells_after("Holes", text)) == state.holes
        assert where(board, "O") == state.holes - {state.position}
        assert where(board, "G") == set(cells_after("Goal", text)) - {state.position}
        assert f"Moves left: {spec.horizon - state.turn}\n" in text


@every_lake
def test_a_lakes_planes_can_be_read_back(spec: GameSpec) -> None:
    seen: list[FrozenLakeState] = list(states(spec))
    assert [
        lake_text.read_planes(spec.config, lake_text.planes(spec.config, state)) for state in seen
    ] == seen


@every_snake
def test_a_snakes_text_says_where_everything_is_drawn(spec: GameSpec) -> None:
    for state in states(spec):
        for seat in range(spec.seats):
            text = snake_text.render(spec.config, state, seat)
            board = drawn(text, spec.config.size)
            others = [other for other in range(spec.seats) if other != seat]
            assert listed_bodies(text, seat, others) == [
                state.bodies[seat],
                *(state.bodies[o] for o in others),
            ]
            assert cells_after("Apples", text) == list(state.apples)
            assert drawn_as(board, state, seat)


def listed_bodies(text: str, seat: int, others: list[int]) -> list[Body]:
    labels = ["You", *(f"Snake {other + 1}" for other in others)]
    assert f"Snake {seat + 1}:" not in text
    return [tuple(cells_after(label, text)) for label in labels]


def drawn_as(board: dict[Cell, str], state: SnakeState, seat: int) -> bool:
    own, others = state.bodies[seat], [body for other, body in enumerate(state.bodies) if other != seat]
    expected = {
        "H": set(own[:1]),
        "B": set(own[1:]),
        "E": {body[0] for body in others if body},
        "T": {cell for body in others for cell in body[1:]},
        "A": set(state.apples),
    }
    return all(where(board, symbol) == cells for symbol, cells in expected.items())


@every_snake
def test_a_snakes_planes_can_be_read_back(spec: GameSpec) -> None:
    for state in states(spec):
        for seat in range(spec.seats):
            grid = snake_text.planes(spec.config, state, seat)
            others = [body for other, body in enumerate(state.bodies) if other != seat]
            assert in_order(grid[0], grid[1]) == state.bodies[seat]
            assert cells(grid[2]) == {body[0] for body in others if body}
            assert cells(grid[3]) == {cell for body in others for cell in body[1:]}
            assert cells(grid[4]) == set(state.apples)
            assert grid[5] == pytest.approx(1 - state.turn / spec.horizon)


@every_snake
def test_a_snakes_planes_order_the_segments_of_each_other_snake(spec: GameSpec) -> None:
    """A cell says how soon it falls free: the tail's says 1 / cells, and one more towards the head."""
    for state in states(spec):
        plane = snake_text.planes(spec.config, state, 0)[3]
        for body in state.bodies[1:]:
            soon = [round(float(plane[y, x]) * spec.config.size**2) for x, y in body[1:]]
            assert soon == list(range(len(body) - 1, 0, -1))


@every_game
def test_a_player_may_write_on_the_planes_it_was_given(spec: GameSpec) -> None:
    env = spec.make_env()
    env.reset(seed=0)
    first, before = env.observe("seat_0"), env.observe("seat_0")["grid"]
    first["grid"][:] = first["action_mask"][:] = 0
    assert np.array_equal(env.observe("seat_0")["grid"], before)
    assert env.observe("seat_0")["action_mask"].all()


def cells(plane: Grid) -> set[Cell]:
    return {(int(x), int(y)) for y, x in np.argwhere(plane > 0)}


def in_order(heads: Grid, trunk: Grid) -> Body:
    return (*cells(heads), *sorted(cells(trunk), key=lambda cell: -trunk[cell[1], cell[0]]))


@every_game
def test_texts_hold_printable_ascii_only(spec: GameSpec) -> None:
    for seed in range(EPISODES):
        for visit in play(spec, seed).visits:
            assert set(visit.view.text) <= set(string.printable) - set("\t\r\x0b\x0c")


@every_lake
def test_a_lakes_text_says_what_is_paid(spec: GameSpec) -> None:
    text = play(spec, 0).visits[0].view.text
    assert "The goal is worth +1. A hole ends the game and is worth 0." in text
    assert ("slippery" in text) == spec.config.slippery


@every_snake
def test_a_snakes_text_says_what_is_paid(spec: GameSpec) -> None:
    text = play(spec, 0).visits[0].view.text
    assert f"An apple is worth {points(spec.config.apple_reward)} and" in text
    assert "Dying is worth -1." in text


@pytest.mark.parametrize(("value", "text"), [(1.0, "+1"), (-1.0, "-1"), (0.0, "0"), (-0.5, "-0.5")])
def test_points_are_printed_with_their_sign(value: float, text: str) -> None:
    assert points(value) == text


@every_game
def test_the_rules_say_what_is_special_about_a_scenario(spec: GameSpec) -> None:
    rules = " ".join(spec.rules)
    assert ("poisonous" in rules) == (spec.name == "snake-poison")
    assert ("slippery" in rules) == (spec.name == "frozen-lake-slippery")
    assert ("longest life wins" in rules) == spec.versus
    assert f"{spec.horizon} moves" in rules


@pytest.mark.parametrize(
    ("body", "prudent"),
    [
        (((0, 0),), {"up", "right"}),
        (((3, 3), (2, 3)), {"up", "down", "right"}),
        (((0, 0), (0, 1), (1, 1), (1, 0)), {"up", "down", "left", "right"}),
    ],
    ids=["a corner", "its own neck", "nothing but death: all moves"],
)
def test_prudent_moves_avoid_walls_and_the_own_body(body: Body, prudent: set[str]) -> None:
    config, spec = SNAKES[0].config, SNAKES[0]
    state = SnakeState((body, ((6, 6),)), (), 0, eaten=(0, 0), lived=(0, 0))
    observation = Observation(spec.name, 0, 0, "", (0, 1, 2, 3), snake_text.planes(config, state, 0))
    assert {spec.action_names[action] for action in spec.prudent(observation)} == prudent
