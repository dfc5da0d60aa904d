"""The rules of FrozenLake, case by case; its maps and its slips, by count."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from arena_games.base import UsageError
from arena_games.frozen_lake import rules
from arena_games.frozen_lake.env import FROZEN_LAKE, FROZEN_LAKE_SLIPPERY, FrozenLakeEnv
from arena_games.frozen_lake.rules import FrozenLakeConfig, FrozenLakeState
from arena_games.squares import Cell

LEFT, DOWN, RIGHT, UP = range(4)
FIRM, SLIPPERY = FROZEN_LAKE.config, FROZEN_LAKE_SLIPPERY.config
MAPS = 10_000


def lake(position: Cell, *holes: Cell, turn: int = 0) -> FrozenLakeEnv:
    """An environment on firm ice with the player and the holes where we want them."""
    env = FrozenLakeEnv()
    env.reset(seed=0)
    env.state = FrozenLakeState(frozenset(holes), position, turn)
    return env


@pytest.mark.parametrize(
    ("action", "cell"), [(LEFT, (0, 1)), (DOWN, (1, 0)), (RIGHT, (2, 1)), (UP, (1, 2))], ids=rules.ACTIONS
)
def test_a_move_goes_one_cell(action: int, cell: Cell) -> None:
    assert rules.moved(FrozenLakeConfig(), (1, 1), action) == cell


@pytest.mark.parametrize(
    ("corner", "actions"),
    [((0, 0), (LEFT, DOWN)), ((3, 0), (RIGHT, DOWN)), ((0, 3), (LEFT, UP)), ((3, 3), (RIGHT, UP))],
    ids=str,
)
def test_the_border_holds_the_player_back_but_takes_a_turn(corner: Cell, actions: tuple[int, int]) -> None:
    for action in actions:
        state = FrozenLakeState(frozenset(), corner)
        after = rules.step(FrozenLakeConfig(), state, action, np.random.default_rng(0))
        assert (after.position, after.turn) == (corner, 1)


def test_the_game_starts_top_left() -> None:
    env = FrozenLakeEnv()
    env.reset(seed=0)
    assert (env.state.position, env.state.turn) == ((0, 3), 0)


def test_the_goal_pays_one_and_is_success() -> None:
    env = lake((2, 0))
    env.step(RIGHT)
    assert env.rewards == {"seat_0": 1.0}
    assert env.terminations == {"seat_0": True}
    assert env.infos["seat_0"] == {"placements": (1,), "successes": (True,)}


def test_a_hole_ends_the_game_and_pays_nothing() -> None:
    env = lake((1, 1), (2, 1))
    env.step(RIGHT)
    assert env.rewards == {"seat_0": 0.0}
    assert env.terminations == {"seat_0": True}
    assert env.infos["seat_0"] == {"placements": (1,), "successes": (False,)}


def test_the_horizon_truncates() -> None:
    env = lake((1, 1), turn=6)
    env.step(UP)
    assert env.truncations == {"seat_0": False}
    env.step(DOWN)
    assert env.truncations == {"seat_0": True}
    assert env.terminations == {"seat_0": False}
    assert env.infos["seat_0"]["successes"] == (False,)


def test_the_goal_on_the_last_move_counts() -> None:
    env = lake((2, 0), turn=7)
    env.step(RIGHT)
    assert (env.terminations, env.truncations) == ({"seat_0": True}, {"seat_0": False})
    assert env.infos["seat_0"]["successes"] == (True,)


@pytest.mark.parametrize("action", range(4), ids=list(rules.ACTIONS))
def test_slippery_ice_goes_each_way_one_time_in_three(action: int) -> None:
    rng, draws = np.random.default_rng(action), 30_000
    start = FrozenLakeState(frozenset(), (1, 1))
    cells = [rules.step(SLIPPERY, start, action, rng).position for _ in range(draws)]
    sideways = (UP, DOWN) if action in (LEFT, RIGHT) else (LEFT, RIGHT)
    counts = [cells.count(rules.moved(SLIPPERY, (1, 1), way)) for way in (action, *sideways)]
    assert sum(counts) == draws
    chi_square = sum((count - draws / 3) ** 2 / (draws / 3) for count in counts)
    assert chi_square < 18.4  # two degrees of freedom: exceeded once in 10,000


def test_firm_ice_never_slips() -> None:
    start, rng = FrozenLakeState(frozenset(), (1, 1)), np.random.default_rng(0)
    assert {rules.step(FIRM, start, RIGHT, rng).position for _ in range(100)} == {(2, 1)}


@pytest.fixture(scope="module", params=[FIRM, SLIPPERY], ids=["firm", "slippery"])
def config(request: pytest.FixtureRequest) -> FrozenLakeConfig:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def maps(config: FrozenLakeConfig) -> list[frozenset[Cell]]:
    return [rules.draw_state(config, np.random.default_rng(seed)).holes for seed in range(MAPS)]


def solvable(config: FrozenLakeConfig, holes: frozenset[Cell]) -> bool:
    """By flooding, so as not to trust the search that drew the map."""
    reached = {config.start}
    for _ in range(config.horizon):
        around = {(x + dx, y + dy) for x, y in reached for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))}
        reached |= {(x, y) for x, y in around - holes if 0 <= x < config.size and 0 <= y < config.size}
    return config.goal in reached


def test_every_map_can_be_solved_within_the_horizon(
    config: FrozenLakeConfig, maps: list[frozenset[Cell]]
) -> None:
    assert all(solvable(config, holes) for holes in set(maps))
    assert not any({config.start, config.goal} & holes for holes in maps)


def test_distances_are_those_of_a_flood_from_the_goal(
    config: FrozenLakeConfig, maps: list[frozenset[Cell]]
) -> None:
    for holes in sorted(set(maps), key=sorted)[:300]:
        distances = rules.distances_to_goal(config, holes)
        reached = {config.goal}
        for moves in range(config.size**2):
            assert {cell for cell, distance in distances.items() if distance <= moves} == reached
            reached |= {rules.moved(config, cell, a) for cell in reached for a in range(4)} - holes


def test_a_short_horizon_rules_out_long_ways_round() -> None:
    config = FrozenLakeConfig(size=6, frozen=0.6, horizon=10)
    maps = {rules.draw_state(config, np.random.default_rng(seed)).holes for seed in range(1000)}
    assert all(solvable(config, holes) for holes in maps)


def test_holes_are_as_frequent_as_the_rules_say(
    config: FrozenLakeConfig, maps: list[frozenset[Cell]]
) -> None:
    """The mean number of holes against its exact value over all 2^14 maps, given solvability."""
    inner = [
        cell for cell in itertools.product(range(4), repeat=2) if cell not in (config.start, config.goal)
    ]
    subsets = (frozenset(holes) for n in range(15) for holes in itertools.combinations(inner, n))
    number = np.array([len(holes) for holes in subsets if solvable(config, holes)])
    weights = (1 - config.frozen) ** number * config.frozen ** (14 - number)
    mean = np.average(number, weights=weights)
    spread = math.sqrt(np.average((number - mean) ** 2, weights=weights) / MAPS)
    assert np.mean([len(holes) for holes in maps]) == pytest.approx(mean, abs=4 * spread)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"size": 8}, "14 moves, more than horizon=8; set horizon=14 or more"),
        ({"frozen": 0.01}, "of 1000 maps .* none can be crossed .*; raise frozen or horizon"),
        ({"size": 2, "frozen": 0}, "none can be crossed"),
        ({"frozen": 1.5}, "frozen must be a finite number from 0 to 1, not 1.5"),
        ({"frozen": math.nan}, "frozen must be a finite number"),
        ({"size": 1}, "size must be a whole number from 2 to 50, not 1"),
        ({"size": 4.0}, "size must be a whole number"),
        ({"size": True}, "size must be a whole number"),
        ({"horizon": 0}, "horizon must be a whole number from 1 to"),
        ({"goal_reward": math.inf}, "goal_reward must be a finite number"),
        ({"hole_reward": "1"}, "hole_reward must be a finite number"),
    ],
)
def test_numbers_that_no_map_could_be_played_with_are_one_line(numbers: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        FrozenLakeConfig(**numbers)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("numbers", [{"size": 8, "horizon": 14}, {"size": 2, "horizon": 2}, {"frozen": 1}])
def test_numbers_at_the_edge_are_played(numbers: dict[str, Any]) -> None:
    config = FrozenLakeConfig(**numbers)
    state = rules.draw_state(config, np.random.default_rng(0))
    assert rules.distances_to_goal(config, state.holes)[config.start] <= config.horizon
