"""The guard by simulation: a plateau is no collapse, a collapse is caught, and the rate comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from arena.training.language.guard import ALPHA, Guard, chance_of_loss

EPISODES, LOOKS = 50, 100

# How likely each held-out episode succeeds, by how alike the episodes are.
PLATEAUS = {"low": (1, 4), "middle": (2, 2), "high": (20, 1), "easy or hard": (0.05, 0.05)}


def begun(returns: np.ndarray) -> Guard:
    return Guard(returns.mean(), returns.mean(), 0, 0.5, best_returns=returns.tolist())


def steps_back(looks: np.ndarray) -> int:
    """How many looks at a policy that stays as it is are called a collapse."""
    guard = begun(looks[0])
    for step, returns in enumerate(looks[1:], start=1):
        guard, _ = guard.look(step, returns.tolist())
    assert guard.looks == len(looks)
    return guard.rollbacks


@pytest.mark.parametrize("name", PLATEAUS)
def test_a_plateau_of_successes_hardly_ever_steps_back(name: str) -> None:
    """At most once in 1,000 looks; the best single look against each later one came to 200 to 600."""
    generator, runs = np.random.default_rng(1), 40
    found = 0
    for _ in range(runs):
        chance = generator.beta(*PLATEAUS[name], EPISODES)
        found += steps_back((generator.random((LOOKS, EPISODES)) < chance).astype(float))
    assert found <= 0.001 * runs * LOOKS


def test_a_plateau_of_returns_hardly_ever_steps_back() -> None:
    generator, runs = np.random.default_rng(2), 40
    looks = [
        np.round(generator.normal(2, 1, EPISODES) + generator.normal(0, 2, (LOOKS, EPISODES)))
        for _ in range(runs)
    ]
    assert sum(map(steps_back, looks)) <= 0.001 * runs * LOOKS


@pytest.mark.parametrize(
    ("base", "reached", "fallen"),
    [
        (0.3, 0.9, 0.0),
        (0.3, 0.9, 0.3),
        (0.3, 0.9, 0.4),
        (0.3, 0.6, 0.0),
        (0.25, 0.5, 0.02),
        (0.02, 0.5, 0.05),
    ],
)
def test_a_collapse_is_caught_at_the_first_look_or_the_second(
    base: float, reached: float, fallen: float
) -> None:
    generator, caught = np.random.default_rng(3), 0
    for _ in range(100):
        easy = generator.normal(0, 0.1, EPISODES)
        shares = [base, *[reached] * 9, fallen, fallen]
        looks = [(generator.random(EPISODES) < np.clip(share + easy, 0, 1)).astype(float) for share in shares]
        guard = begun(looks[0])
        for step in range(1, 10):
            guard, _ = guard.look(step, looks[step].tolist())
        after, first = guard.look(10, looks[10].tolist())
        _, second = after.look(11, looks[11].tolist())
        caught += "collapse" in (first, second)
    assert caught >= 98


def test_half_of_the_gain_must_be_lost() -> None:
    guard = Guard(base=0.2, best=0.8, best_step=40, drop=0.5, best_returns=[1.0] * 400 + [0.0] * 100)
    assert not guard.collapsed([1.0] * 300 + [0.0] * 200)  # 0.6, and certainly less than 0.8
    assert guard.collapsed([1.0] * 200 + [0.0] * 300)
    assert not Guard(0.2, 0.8, 40, 0.5, best_returns=[1.0] * 4 + [0.0]).collapsed([1.0, 1.0, 0.0, 0.0, 0.0])


def test_each_step_back_halves_the_rate_and_each_recovery_doubles_it() -> None:
    good, bad = [1.0] * 50, [0.0] * 50
    guard = replace(begun(np.array([0.0] * 49 + [1.0])), drop=0.5)
    rates, seen = [], []
    for step, returns in enumerate([good, bad, bad, good, good, good], start=1):
        guard, what = guard.look(step, returns)
        seen.append(what)
        rates.append(guard.rate_scale)
    assert seen == ["best", "collapse", "collapse", "best", "best", "best"]
    assert rates == [1.0, 0.5, 0.25, 0.5, 1.0, 1.0]
    assert guard.rollbacks == 2


def test_the_chance_is_that_of_a_paired_t_test() -> None:
    generator = np.random.default_rng(4)
    before, after = generator.normal(0.3, 1, 30), generator.normal(0, 1, 30)
    expected = stats.ttest_rel(before, after, alternative="greater").pvalue
    assert chance_of_loss(before.tolist(), after.tolist()) == pytest.approx(expected)
    fewer = after[:20]
    expected = stats.ttest_ind(before, fewer, equal_var=False, alternative="greater").pvalue
    assert chance_of_loss(before.tolist(), fewer.tolist()) == pytest.approx(expected)


def test_what_does_not_vary_is_certain_and_what_is_too_little_says_nothing() -> None:
    assert chance_of_loss([9.0, 9.0], [1.0, 1.0]) == 0.0
    assert chance_of_loss([1.0, 1.0], [1.0, 1.0]) == 1.0
    assert chance_of_loss([9.0], [0.0]) == 1.0
    assert chance_of_loss([], [0.0, 0.0]) == 1.0
    assert ALPHA < 0.001
