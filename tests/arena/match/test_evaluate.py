"""eval: what an agent scores on held-out seeds."""

from __future__ import annotations

import json

import pytest

from arena.match.evaluate import evaluate
from arena_agents.random import RandomAgent
from arena_agents.search import SearchAgent
from arena_games.base import UsageError
from arena_games.registry import find_game, game_specs
from tests.arena.players import Exits, Raises, Says, Seeded

KEYS = [
    *("agent", "game", "episodes", "mean_return", "return_ci95", "success_rate", "success_ci95"),
    *("invalid_rate", "first_invalid_rate"),
]
LAKE, DUEL, ROYALE = map(find_game, ("frozen-lake", "snake-duel", "snake-royale"))


def test_rows_have_exactly_the_promised_keys() -> None:
    rows = evaluate("me", Seeded(), game_specs(), episodes=3, opponent=RandomAgent())
    for row, spec in zip(rows, game_specs(), strict=True):
        dumped = json.loads(row.model_dump_json())
        assert list(dumped) == KEYS
        assert (dumped["agent"], dumped["game"], dumped["episodes"]) == ("me", spec.name, 3)
        low, high = dumped["return_ci95"]
        assert low <= dumped["mean_return"] <= high


def test_the_search_reaches_the_goal_and_the_same_seed_gives_the_same_row() -> None:
    one, two = (evaluate("search", SearchAgent(), [LAKE], episodes=20, seed=4) for _ in range(2))
    assert one == two
    assert one[0].success_rate == one[0].mean_return == 1.0


def test_an_agent_that_says_nothing_usable_is_all_invalid() -> None:
    (row,) = evaluate("mute", Says("?"), [LAKE], episodes=5)
    assert row.invalid_rate == 1.0


@pytest.mark.parametrize("spec", [DUEL, ROYALE], ids=lambda spec: spec.name)
def test_against_its_equal_an_agent_does_as_well_as_chance(spec: object) -> None:
    (row,) = evaluate("me", RandomAgent(), [spec], episodes=60, opponent=RandomAgent())  # type: ignore[list-item]
    fair = 1 / len(spec.open_seats)  # type: ignore[attr-defined]
    assert fair - 0.25 < row.success_rate < fair + 0.35, "ties for the first place count for all"


def test_own_failures_count_as_no_success_and_others_not_at_all() -> None:
    (row,) = evaluate("me", Raises(), [LAKE], episodes=20)
    assert (row.episodes, row.errors) == (20, 0)
    assert 0 < row.forfeits <= 20 * (1 - row.success_rate)
    assert "no more ideas" in str(row.first_error)
    (row,) = evaluate("me", RandomAgent(), [DUEL], episodes=20, opponent=Raises())
    assert (row.forfeits, row.episodes) == (0, 20 - row.errors)
    assert row.errors > 0


def test_nothing_but_failures_is_an_error() -> None:
    with pytest.raises(UsageError, match="the first error: SystemExit: good bye"):
        evaluate("me", Exits(), [LAKE], episodes=2)


def test_a_versus_game_needs_an_opponent() -> None:
    with pytest.raises(UsageError, match="name one with --opponents"):
        evaluate("me", Seeded(), [DUEL], episodes=1)
