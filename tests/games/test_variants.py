"""A scenario with other numbers: its name says them, one name each, and it is found again from there."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_games.base import UsageError
from arena_games.conformance import check_game
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.registry import find_game, select_games, stored_game
from arena_games.snake.rules import SnakeConfig
from arena_games.variants import split_numbers, with_numbers


def test_a_number_is_set_and_said_in_the_name() -> None:
    spec = find_game("frozen-lake(frozen=.9, horizon=12)")
    assert spec.config == FrozenLakeConfig(frozen=0.9, horizon=12)
    assert (spec.name, spec.horizon, spec.version) == ("frozen-lake(frozen=0.9,horizon=12)", 12, 2)
    assert spec.make_env().config == spec.config


def test_one_scenario_has_one_name() -> None:
    names = ("snake(size=9,apples=3)", "snake( apples=3 ,size=9)", "snake(apples=3,size=9,horizon=20)")
    assert {find_game(name).name for name in names} == {"snake(size=9,apples=3)"}
    assert find_game("snake(size=7)") is find_game("snake")
    assert find_game("snake(apple_reward=-1)") is find_game("snake-poison")
    assert find_game("frozen-lake(slippery=true,frozen=0.9,horizon=15)") is find_game("frozen-lake-slippery")


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.fixed_dictionaries(
        {},
        optional={
            "size": st.integers(3, 12),
            "apples": st.integers(0, 6),
            "apple_reward": st.floats(-9, 9).filter(bool),
            "death_reward": st.floats(-9, 0),
            "horizon": st.integers(1, 99),
        },
    )
)
def test_every_number_of_snake_is_read_back_from_the_name(numbers: dict[str, float]) -> None:
    spec = find_game(with_numbers("snake", numbers))
    assert spec.config == SnakeConfig(**numbers)  # type: ignore[arg-type]
    assert stored_game(spec.name).config == spec.config


def test_every_field_of_our_configs_can_be_set() -> None:
    for name, kind in (("frozen-lake", FrozenLakeConfig), ("snake", SnakeConfig)):
        own = find_game(name).config
        for field in fields(kind):
            assert find_game(with_numbers(name, {field.name: getattr(own, field.name)})).name == name


def test_words_and_rewards_follow_the_numbers() -> None:
    spec = find_game("frozen-lake(hole_reward=-2,goal_reward=3)")
    assert spec.span == (-2, 3)
    assert "Falling into a hole ends the game and is worth -2 point." in spec.rules
    assert "Eating an apple earns 0.5 point" in find_game("snake(apple_reward=0.5)").rules[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frozen-lake(siz=3)", "frozen-lake has no number 'siz'; did you mean 'size'?"),
        ("frozen-lake(depth=3)", "has no number 'depth'; it has size, frozen, slippery, horizon"),
        ("frozen-lake(size=3.5)", "size is a whole number, not '3.5'"),
        ("frozen-lake(slippery=1)", "slippery is true or false, not '1'"),
        ("frozen-lake(frozen=ice)", "frozen is a number, not 'ice'"),
        ("frozen-lake(frozen=1e400)", "frozen must be a finite number from 0 to 1, not inf"),
        ("frozen-lake(size)", "write key=value, such as horizon=12, not 'size'"),
        ("frozen-lake()", "write key=value"),
        ("frozen-lake(size=9)", "set horizon=16 or more"),
        ("frozenlake(size=5)", "unknown game 'frozenlake'; did you mean 'frozen-lake'"),
        ("arena_games.frozen_lake.env:FROZEN_LAKE(size=x)", "size is a whole number, not 'x'"),
    ],
)
def test_what_cannot_be_played_is_one_line(name: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        find_game(name)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_code_of_somebodys_is_not_imported_for_a_record() -> None:
    name = "arena_games.frozen_lake.env:FROZEN_LAKE_SLIPPERY(horizon=16)"
    with pytest.raises(UsageError, match="is Python code"):
        stored_game(name)
    assert find_game(name).name == name
    assert stored_game(name).horizon == 16


def test_numbers_for_a_list_of_games_and_for_a_librarys() -> None:
    assert [spec.name for spec in select_games("snake,frozen-lake(size=5,horizon=9)", ["horizon=12"])] == [
        "snake(horizon=12)",
        "frozen-lake(size=5,horizon=12)",
    ]
    assert with_numbers("openspiel:go(board_size=9)", ["komi=7.5"]) == "openspiel:go(board_size=9,komi=7.5)"
    assert split_numbers("openspiel:misere(game=tic_tac_toe())") == (
        "openspiel:misere",
        {"game": "tic_tac_toe()"},
    )
    with pytest.raises(UsageError, match="--game-set wants key=value, such as horizon=12, not 'horizon'"):
        select_games("snake", ["horizon"])


@pytest.mark.parametrize("name", ["frozen-lake(size=5,horizon=10,hole_reward=-1)", "snake(apples=1,size=5)"])
def test_a_variant_conforms(name: str) -> None:
    assert all(check.passed for check in check_game(find_game(name), episodes=20))
