"""Whether a difference between two tournaments decides who wins: a naive refit, calibration, and power."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from arena_leaderboard import MatchResult, order_effect, ratings
from tests.leaderboard.simulate import plackett_luce, single

FIELD = {"a": 0.6, "b": 0.2, "c": -0.2, "d": -0.6}


def tournament(strengths: dict[str, float], seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    """A race of everyone and a lake, on the same seeds each time."""
    ease = np.random.default_rng(7).normal(size=seeds)
    lake = [
        single("lake", seed, agent, float(generator.logistic() < strength + ease[seed]))
        for seed in range(seeds)
        for agent, strength in strengths.items()
    ]
    return [*plackett_luce(strengths, seeds, generator), *lake]


def ranks_of(results: list[MatchResult]) -> dict[str, float]:
    rated = {agent: round(found.mean, 4) for agent, found in ratings(results, bootstraps=1).items()}
    return {
        agent: sum(other > own for other in rated.values())
        + (1 + sum(other == own for other in rated.values())) / 2
        for agent, own in rated.items()
    }


def moved(first: list[MatchResult], second: list[MatchResult]) -> float:
    one, other = ranks_of(first), ranks_of(second)
    return sum(abs(one[agent] - other[agent]) for agent in one)


def points(first: list[MatchResult], second: list[MatchResult]) -> float:
    one, other = ratings(first, bootstraps=1), ratings(second, bootstraps=1)
    return sum(abs(one[agent].mean - other[agent].mean) for agent in one)


def test_the_same_results_move_nobody() -> None:
    results = tournament(FIELD, 6, np.random.default_rng(0))
    effect = order_effect(results, results)
    assert effect is not None
    assert (effect.moved, effect.by_chance, effect.p) == (0, 0, 1)
    assert (effect.points, effect.points_by_chance, effect.points_p) == (0, 0, 1)
    assert effect.first == effect.second
    assert effect.seeds == 12


def test_ranks_and_chance_match_a_naive_refit_of_every_swap() -> None:
    """Of one game with six seeds all 64 swaps are tried; both ways about come to the same."""
    generator = np.random.default_rng(1)
    first, second = (plackett_luce(FIELD, 6, generator) for _ in range(2))
    effect = order_effect(first, second, permutations=4000)
    assert effect is not None
    assert dict(zip(effect.agents, effect.first, strict=True)) == ranks_of(first)
    assert dict(zip(effect.agents, effect.second, strict=True)) == ranks_of(second)
    assert effect.moved == moved(first, second)
    assert effect.points == pytest.approx(points(first, second), abs=0.01)
    by_seed = [[[r for r in side if r.seed == seed] for side in (first, second)] for seed in range(6)]
    swapped = []
    for swaps in product((0, 1), repeat=6):
        one = [result for swap, two in zip(swaps, by_seed, strict=True) for result in two[swap]]
        other = [result for swap, two in zip(swaps, by_seed, strict=True) for result in two[1 - swap]]
        swapped.append(moved(one, other))
    assert effect.by_chance == pytest.approx(np.mean(swapped), abs=0.15)
    assert effect.p == pytest.approx(np.mean(np.array(swapped) >= effect.moved - 1e-9), abs=0.04)


def test_neither_side_is_favoured() -> None:
    generator = np.random.default_rng(2)
    first, second = (tournament(FIELD, 10, generator) for _ in range(2))
    one, other = order_effect(first, second), order_effect(second, first)
    assert one is not None
    assert other is not None
    assert (one.moved, one.first) == (other.moved, other.second)
    assert one.p == pytest.approx(other.p, abs=0.05)


def test_what_makes_no_difference_is_hardly_ever_called_one() -> None:
    generator, found = np.random.default_rng(3), []
    for _ in range(120):
        effect = order_effect(
            tournament(FIELD, 12, generator), tournament(FIELD, 12, generator), permutations=199
        )
        assert effect is not None
        found.append((effect.p, effect.points_p))
    assert (np.mean(np.array(found) <= 0.05, axis=0) <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5).all()


def test_a_turned_order_is_found() -> None:
    generator = np.random.default_rng(4)
    turned = {agent: -strength for agent, strength in FIELD.items()}
    effect = order_effect(tournament(FIELD, 40, generator), tournament(turned, 40, generator))
    assert effect is not None
    assert effect.moved == 8
    assert effect.points_p == pytest.approx(0.001)


def test_a_strong_agent_that_falls_behind_is_found_by_its_rank() -> None:
    generator = np.random.default_rng(6)
    order = {"a": 3.0, "b": 1.0, "c": -1.0, "d": -3.0}
    fallen = {**order, "a": -6.0}
    effect = order_effect(tournament(order, 40, generator), tournament(fallen, 40, generator))
    assert effect is not None
    assert effect.moved == 6
    assert effect.p <= 0.05


def test_only_shared_seeds_count() -> None:
    generator = np.random.default_rng(5)
    first, second = (plackett_luce(FIELD, seeds, generator) for seeds in (9, 5))
    effect = order_effect(first, second)
    assert effect is not None
    assert effect.seeds == 5
    late = [result for result in first if result.seed >= 5]
    assert order_effect(late, second) is None
    assert order_effect([], []) is None
    assert effect.to_json()["agents"] == ("a", "b", "c", "d")
