"""The symmetries that a game names are those of its rules: a mirrored move leads to the mirrored position."""

import numpy as np
import pytest

from arena_games.frozen_lake import rules as lake_rules
from arena_games.frozen_lake import text as lake_text
from arena_games.registry import find_game
from arena_games.snake import rules as snake_rules
from arena_games.snake import text as snake_text
from arena_games.snake.rules import SnakeState


def same(views, grid):
    return any(np.array_equal(view, grid) for view in views)


@pytest.mark.parametrize("seed", range(8))
def test_a_lake_mirrored_between_start_and_goal(seed):
    spec = find_game("frozen-lake")
    config = spec.config
    rng = np.random.default_rng(seed)
    state = lake_rules.draw_state(config, rng)
    names = list(spec.actions)
    swapped = {"left": "up", "up": "left", "right": "down", "down": "right"}

    def mirrored(cell):
        return (config.size - 1 - cell[1], config.size - 1 - cell[0])

    twin = lake_rules.FrozenLakeState(
        frozenset(map(mirrored, state.holes)), mirrored(state.position), state.turn
    )
    assert twin.position == state.position
    for action in rng.integers(4, size=6).tolist():
        views = spec.symmetries(lake_text.planes(config, state))
        assert same(views, lake_text.planes(config, twin))
        assert same(views, lake_text.planes(config, state))
        state = lake_rules.step(config, state, action, rng)
        twin = lake_rules.step(config, twin, names.index(swapped[names[action]]), rng)
        assert lake_rules.reward(config, state) == lake_rules.reward(config, twin)


@pytest.mark.parametrize("seed", range(8))
def test_a_board_of_snakes_turned(seed):
    spec = find_game("snake-duel")
    config = spec.config
    rng = np.random.default_rng(seed)
    state = snake_rules.draw_state(config, rng)
    names = list(spec.actions)
    turned_names = {"up": "left", "left": "down", "down": "right", "right": "up"}

    def turned(cell):
        return (config.size - 1 - cell[1], cell[0])

    def twin_of(state):
        bodies = tuple(tuple(map(turned, body)) for body in state.bodies)
        fields = {**{f: getattr(state, f) for f in state.__dataclass_fields__}}
        return SnakeState(**{**fields, "bodies": bodies, "apples": tuple(map(turned, state.apples))})

    twin = twin_of(state)
    views = spec.symmetries(snake_text.planes(config, state, 0))
    assert len({view.tobytes() for view in views}) == 8
    assert same(views, snake_text.planes(config, twin, 0))
    moves = {seat: int(rng.integers(4)) for seat in range(2)}
    twin_moves = {seat: names.index(turned_names[names[move]]) for seat, move in moves.items()}
    after = snake_rules.step(config, state, moves, np.random.default_rng(0))
    twin_after = snake_rules.step(config, twin, twin_moves, np.random.default_rng(0))
    for seat in range(2):
        assert snake_rules.reward(config, state, after, seat) == snake_rules.reward(
            config, twin, twin_after, seat
        )
        assert tuple(map(turned, after.bodies[seat])) == twin_after.bodies[seat]
