"""Races become the right choices: ties are the mean over their orders."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_leaderboard import Race
from arena_leaderboard.model.choices import LARGEST, BlockChoices, choices_of

AGENTS = "abcdefghijkl"


def choices(scores: list[float], met: bool = True) -> BlockChoices:
    agents = tuple(AGENTS[: len(scores)])
    return choices_of([Race("g", 0, agents, tuple(scores), met)], [0], agents, 1)


def log_likelihood(found: BlockChoices, theta_A: np.ndarray) -> float:
    totals_U = found.sets @ np.exp(theta_A)
    return float(found.chosen[0] @ theta_A - found.weight @ np.log(totals_U)[found.drawn_from])


def of_order(order: tuple[int, ...], theta_A: np.ndarray) -> float:
    """Plackett and Luce's own formula for the entrants in this order, the best first."""
    return sum(theta_A[i] - np.log(np.exp(theta_A[list(order[k:])]).sum()) for k, i in enumerate(order))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_a_match_is_the_mean_over_the_orders_its_ties_leave_open(scores: list[int], seed: int) -> None:
    theta_A = np.random.default_rng(seed).normal(size=len(scores))
    orders = [
        order
        for order in permutations(range(len(scores)))
        if all(scores[i] >= scores[j] for i, j in pairwise(order))
    ]
    expected = np.mean([of_order(order, theta_A) for order in orders])
    assert log_likelihood(choices(list(map(float, scores))), theta_A) == pytest.approx(expected)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=12), st.integers(0, 2**32 - 1))
def test_single_seat_episodes_of_a_seed_are_compared_in_pairs(scores: list[int], seed: int) -> None:
    theta_A = np.random.default_rng(seed).normal(size=len(scores))
    expected = sum(
        (np.sign(scores[i] - scores[j]) + 1) / 2 * (theta_A[i] - np.logaddexp(theta_A[i], theta_A[j]))
        for i, j in permutations(range(len(scores)), 2)
    ) / (len(scores) - 1)
    assert log_likelihood(choices(list(map(float, scores)), met=False), theta_A) == pytest.approx(expected)


def test_two_seats_are_the_same_either_way() -> None:
    theta_A = np.array([0.3, -0.8])
    for scores in ([1.0, 0.0], [0.0, 0.0]):
        met, alone = choices(scores), choices(scores, met=False)
        assert log_likelihood(met, theta_A) == pytest.approx(log_likelihood(alone, theta_A))


def test_a_match_of_very_many_seats_is_compared_in_pairs() -> None:
    scores = [float(i % 3) for i in range(LARGEST + 1)]
    theta_A = np.linspace(-1, 1, len(scores))
    met, alone = choices(scores), choices(scores, met=False)
    assert log_likelihood(met, theta_A) == pytest.approx(log_likelihood(alone, theta_A))


def test_two_seats_of_one_agent_say_nothing_about_each_other() -> None:
    found = choices_of([Race("g", 0, ("a", "a"), (2.0, 1.0))], [0], "a", 1)
    assert log_likelihood(found, np.array([0.0])) == pytest.approx(log_likelihood(found, np.array([5.0])))
    np.testing.assert_allclose(found.surprise(np.array([0.7])), 0, atol=1e-12)


def test_surprise_is_the_slope_of_each_cell() -> None:
    races = [Race("g", 0, ("a", "b", "c"), (2.0, 2.0, 1.0)), Race("g", 1, ("c", "a"), (1.0, 0.0))]
    found = choices_of(races, [0, 1], "abc", 2)
    theta_A, step = np.array([0.4, -0.2, 0.1]), 1e-6
    alone = [choices_of([race], [0], "abc", 1) for race in races]
    rise_BA = [
        [
            log_likelihood(one, theta_A + unit) - log_likelihood(one, theta_A - unit)
            for unit in step * np.eye(3)
        ]
        for one in alone
    ]
    np.testing.assert_allclose(found.surprise(theta_A), np.array(rise_BA) / (2 * step), atol=1e-8)
