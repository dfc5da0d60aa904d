"""Means and shares with intervals that hold at the edge, by exact coverage and by plain formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from arena_leaderboard import mean_ci95, paired_ci95, share_ci95, standings
from arena_leaderboard.model.means import equal_mean
from tests.leaderboard.simulate import single


@given(st.integers(1, 500), st.data())
def test_shares_have_wilsons_interval(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    expected = stats.binomtest(part, whole).proportion_ci(0.95, method="wilson")
    assert share_ci95(part, whole) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("episodes", [50, 60, 100, 500])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.97, 0.99])
def test_a_shares_interval_holds_the_truth(episodes: int, share: float) -> None:
    """Exactly, over all outcomes: Wald's came to 40 to 87 % at .99, and 78 to 92 % at .97."""
    covered = sum(
        stats.binom.pmf(part, episodes, share)
        for part in range(episodes + 1)
        if share_ci95(part, episodes)[0] <= share <= share_ci95(part, episodes)[1]
    )
    assert covered >= 0.91


def test_twenty_losses_are_not_certain_to_go_on() -> None:
    rows = standings(
        [single("lake", seed, agent, r) for seed in range(20) for agent, r in [("a", 0.0), ("b", 1.0)]]
    )
    best, last = rows.games["lake"]
    for standing, ends in ((last, (0.0, 0.161125)), (best, (0.838875, 1.0))):
        assert standing.return_ci95 == pytest.approx(ends, abs=1e-5)
        assert standing.success_ci95 == pytest.approx(ends, abs=1e-5)


def test_returns_between_two_values_are_shares_of_their_distance() -> None:
    mean, interval = mean_ci95([-1.0] * 6 + [3.0] * 2)
    low, high = share_ci95(2, 8)
    assert (mean, interval) == (0.0, pytest.approx((-1 + 4 * low, -1 + 4 * high)))


def test_returns_of_many_kinds_have_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(size=40).tolist()
    error = np.std(values, ddof=1) / math.sqrt(40)
    assert mean_ci95(values) == (
        pytest.approx(np.mean(values)),
        pytest.approx((np.mean(values) - 1.959964 * error, np.mean(values) + 1.959964 * error)),
    )


def test_equal_returns_say_nothing_without_a_span() -> None:
    assert mean_ci95([2.0]) == (2.0, None)
    assert mean_ci95([2.0, 2.0], spans=[(2.0, 2.0)]) == (2.0, None)
    _, interval = mean_ci95([2.0] * 20, spans=[(0.0, 3.0)])
    assert interval == pytest.approx((2 - 2 * 0.161125, 2 + 0.161125), abs=1e-5)
    with pytest.raises(ValueError, match="at least one episode"):
        mean_ci95([])
    with pytest.raises(ValueError, match="a share needs"):
        share_ci95(0, 0)


def test_games_weigh_equally_and_each_side_adds_up_for_itself() -> None:
    mean, interval = mean_ci95([0.0, 1.0] * 50, [1.0] * 100, spans=[None, (0.0, 1.0)])
    (low_a, high_a), (low_b, _) = share_ci95(50, 100), share_ci95(100, 100)
    assert mean == 0.75
    below = math.hypot(0.5 - low_a, 1 - low_b) / 2
    assert interval == pytest.approx((0.75 - below, 0.75 + (high_a - 0.5) / 2))
    assert equal_mean([1.0, 0.0], [(0.0, 1.0), None]) == (0.5, None)


def test_a_mean_over_games_holds_the_truth() -> None:
    """Successes of four games, some of them near 1."""
    generator, shares = np.random.default_rng(1), np.array([0.97, 0.5, 0.9, 0.2])
    held = 0
    for _ in range(1000):
        found = generator.binomial(60, shares)
        _, interval = equal_mean((found / 60).tolist(), [share_ci95(int(k), 60) for k in found])
        assert interval is not None
        held += interval[0] <= shares.mean() <= interval[1]
    assert held >= 930


def test_paired_differences_are_bonett_and_prices() -> None:
    differences = [1.0] * 12 + [-1.0] * 4 + [0.0] * 34
    up, down = 13 / 52, 5 / 52
    half = 1.959964 * math.sqrt((up + down - (up - down) ** 2) / 52)
    mean, interval = paired_ci95(differences, (0.0, 1.0))
    assert (mean, interval) == (0.16, pytest.approx((up - down - half, up - down + half), abs=1e-6))
    mean, (low, high) = paired_ci95([0.0] * 20, (0.0, 1.0))
    assert mean == 0 == low + high
    assert 0.1 < high < 0.2, "twenty ties leave a difference open"
    many = np.random.default_rng(0).normal(size=40).tolist()
    assert paired_ci95(many) == mean_ci95(many)
    with pytest.raises(ValueError, match="at least one episode"):
        paired_ci95([])


@pytest.mark.parametrize(("one", "other"), [(0.97, 0.95), (0.99, 0.99), (0.5, 0.7)])
def test_paired_intervals_hold_the_true_difference(one: float, other: float) -> None:
    """Seeds that are easy or hard for both; 100 pairs, as in `arena eval A B`."""
    generator, held = np.random.default_rng(3), 0
    for _ in range(2000):
        luck = generator.random(100)
        mixed = np.where(generator.random(100) < 0.5, luck, generator.random(100))  # half in common
        found = (luck < one).astype(float) - (mixed < other)
        _, interval = paired_ci95(found.tolist(), (0.0, 1.0))
        assert interval is not None
        held += interval[0] <= one - other <= interval[1]
    assert held >= 1850
