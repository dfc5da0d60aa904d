"""A study's statistics against plain loops, and how often simulated studies are right."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.study.statistics import (
    Estimate,
    Floats,
    bootstrap_deviations,
    mean_squares,
    seeds_needed,
    spread_chance,
    spread_interval,
    together,
    two_level,
    verdict,
    weighed,
)
from arena_leaderboard.model.several import holm


def table(rng: np.random.Generator, S: int, E: int, sd: tuple[float, float, float]) -> Floats:
    """Values with a training's, an episode's and their own deviation around 0."""
    training, episode, rest = sd
    return rng.normal(0, training, (S, 1)) + rng.normal(0, episode, (1, E)) + rng.normal(0, rest, (S, E))


def test_mean_squares_are_those_of_plain_loops() -> None:
    values = table(np.random.default_rng(1), 3, 5, (1, 1, 1))
    mean = sum(values[s][e] for s in range(3) for e in range(5)) / 15
    rows = [sum(values[s][e] for e in range(5)) / 5 for s in range(3)]
    columns = [sum(values[s][e] for s in range(3)) / 3 for e in range(5)]
    rest = sum((values[s][e] - rows[s] - columns[e] + mean) ** 2 for s in range(3) for e in range(5))
    wanted = [
        5 * sum((row - mean) ** 2 for row in rows) / 2,
        3 * sum((column - mean) ** 2 for column in columns) / 4,
        rest / 8,
    ]
    assert mean_squares(values) == pytest.approx(wanted)


def test_the_bootstrap_is_that_of_plain_loops() -> None:
    """Every pair of draws of two trainings and two episodes, each as likely: the mean square is exact."""
    values = np.array([[1.0, 4.0], [2.0, 9.0]])
    scale, mean, squares = math.sqrt(2), values.mean(), []
    for trainings in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for episodes in ((0, 0), (0, 1), (1, 0), (1, 1)):
            drawn_S = [0.5 + scale * (trainings.count(s) / 2 - 0.5) for s in range(2)]
            drawn_E = [0.5 + scale * (episodes.count(e) / 2 - 0.5) for e in range(2)]
            found = sum(drawn_S[s] * drawn_E[e] * values[s, e] for s in range(2) for e in range(2))
            squares.append((found - mean) ** 2)
    deviations = bootstrap_deviations(values, 40_000, np.random.default_rng(0))
    assert (deviations**2).mean() == pytest.approx(sum(squares) / 16, rel=0.03)


@settings(max_examples=30, deadline=None)
@given(S=st.integers(2, 6), E=st.integers(2, 40), seed=st.integers(0, 10_000))
def test_shifting_and_scaling_carry_over(S: int, E: int, seed: int) -> None:
    values = table(np.random.default_rng(seed), S, E, (1, 2, 1))
    plain, other = two_level(values), two_level(3 - 2 * values)
    assert other.value == pytest.approx(3 - 2 * plain.value)
    assert other.error == pytest.approx(2 * plain.error)
    assert two_level(values) == plain  # the same draws


def test_one_training_speaks_for_itself_alone() -> None:
    values = np.arange(10.0)[None, :]
    found = two_level(values, draws=20_000)
    assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(10), rel=0.03)
    assert found.seeds == 1


def test_equal_values_are_bounded_by_what_may_have_been_missed() -> None:
    found = two_level(np.ones((3, 500)), span=(0, 1))
    low, high = found.interval()
    assert 0.98 < low < 1 < high
    assert two_level(np.ones((3, 500))).interval() == (1, 1)
    with pytest.raises(ValueError, match="needs a training"):
        two_level(np.zeros((0, 3)))


def test_holm_is_the_step_down_procedure() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_bounds(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(one <= other <= 1 for one, other in zip(chances, adjusted, strict=True))
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    assert all(adjusted[a] <= adjusted[b] for a, b in pairwise(order))


def estimate(value: float, error: float = 1.0) -> Estimate:
    found = two_level(table(np.random.default_rng(0), 4, 50, (1, 1, 1)))
    return Estimate(value, error, 50, 4, 50, found.sources)


@pytest.mark.parametrize(
    ("value", "holds", "margin", "wanted"),
    [
        (5, "more", 0, "supported"),
        (-5, "more", 0, "not supported"),
        (1, "more", 0, "open"),
        (-5, "less", 0, "supported"),
        (0, "not less", 4, "supported"),
        (-8, "not less", 4, "not supported"),
        (-4, "not less", 4, "open"),
        (0, "equal", 4, "supported"),
        (3, "equal", 4, "open"),
        (9, "equal", 4, "not supported"),
        (-9, "equal", 4, "not supported"),
    ],
)
def test_the_rules(value: float, holds: str, margin: float, wanted: str) -> None:
    chance, on_its_side = weighed(estimate(value), holds, margin)  # type: ignore[arg-type]
    assert verdict(chance, on_its_side) == wanted


def test_a_claim_in_parts() -> None:
    assert together(["supported", "supported"]) == "supported"
    assert together(["supported", "open"]) == "open"
    assert together(["supported", "open", "not supported"]) == "not supported"


def test_the_seeds_that_would_settle_it_do() -> None:
    """Of simulated studies with so many seeds, about 80 % are settled, and fewer with half of them."""
    rng = np.random.default_rng(3)
    sources = two_level(table(rng, 400, 200, (1.0, 0.0, 0.2)), draws=200).sources
    needed = seeds_needed(Estimate(1.0, 0, 1, 4, 200, sources))
    assert needed is not None

    def settled(seeds: int) -> float:
        found = [two_level(1 + table(rng, seeds, 200, (1.0, 0.0, 0.2)), draws=400) for _ in range(150)]
        return sum(one.chance() < 0.05 for one in found) / 150

    assert 0.7 < settled(needed) < 0.92
    assert settled(max(2, needed // 2)) < 0.6
    assert seeds_needed(Estimate(0.0, 0, 1, 4, 200, sources)) is None


def test_a_spread_has_its_interval() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        found, (low, high) = spread_interval(rng.normal(0, 2, 5).tolist())
        held += low <= 2 <= high
        assert low < found < high
    assert 0.92 < held / 400 < 0.98
    assert spread_chance([1.0, 2.0, 3.0], 1.0) > 0.5
    assert spread_chance([1.0, 2.0, 3.0], 100.0) < 0.01


def coverage(S: int, E: int, sd: tuple[float, float, float], studies: int, seed: int = 5) -> float:
    """The share of simulated studies whose interval holds the truth, 0."""
    rng, held = np.random.default_rng(seed), 0
    for _ in range(studies):
        low, high = two_level(table(rng, S, E, sd), draws=400).interval()
        held += low <= 0 <= high
    return held / studies


SOURCES = [(1.0, 0.0, 1.0), (0.1, 1.0, 1.0), (0.0, 0.0, 1.0), (0.3, 0.3, 3.0)]


@pytest.mark.parametrize("sd", SOURCES, ids=str)
def test_intervals_hold_the_truth(sd: tuple[float, float, float]) -> None:
    assert coverage(4, 60, sd, 250) > 0.91


@pytest.mark.slow
@pytest.mark.parametrize("S", [2, 3, 5, 8])
@pytest.mark.parametrize("sd", SOURCES, ids=str)
def test_intervals_hold_the_truth_in_many_studies(S: int, sd: tuple[float, float, float]) -> None:
    assert coverage(S, 500, sd, 2_000) > 0.93


@pytest.mark.slow
def test_false_claims_are_rare() -> None:
    """Six claims, all false by a hair: in at most 5 % of studies any of them is called supported."""
    rng, wrong = np.random.default_rng(6), 0
    for _ in range(1_000):
        chances, sides = [], []
        for holds, margin in (("more", 0.0), ("not less", 0.02), ("less", 0.0)) * 2:
            truth = -0.02 if holds == "not less" else 0.0
            values = truth + table(rng, 4, 300, (0.02, 0.02, 0.3))
            chance, side = weighed(two_level(values, draws=400), holds, margin)  # type: ignore[arg-type]
            chances.append(chance)
            sides.append(side)
        judged = map(verdict, holm(chances), sides)
        wrong += "supported" in judged
    assert wrong / 1_000 < 0.05
