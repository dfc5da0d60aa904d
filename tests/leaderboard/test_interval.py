"""The interval's parts, one by one, against what they should be."""

import numpy as np
import pytest
from scipy import stats

from arena_leaderboard.model.bootstrap import gather
from arena_leaderboard.model.interval import Strengths
from arena_leaderboard.results import races
from tests.leaderboard.simulate import versus

GAP = np.array([1.0, -1.0])


def strengths(
    gaps_R: np.ndarray, influence_B: np.ndarray, game_B: list[int], unseen: float = 0.0
) -> Strengths:
    """Two agents whose gap in the data is 0, in the replicates `gaps_R`, and whose blocks moved it so far."""
    halves_R2 = np.stack([gaps_R, -gaps_R], axis=1) / 2
    influence_B2 = np.stack([influence_B, -influence_B], axis=1) / 2
    theta = np.concatenate([np.zeros((1, 2)), halves_R2])
    return Strengths(("a", "b"), theta, np.eye(2) * unseen / 2, influence_B2, np.array(game_B))


def test_even_spread_is_the_textbook_t_interval() -> None:
    gaps_R = np.array([-2.0, 2.0] * 50)
    influence_B = np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    value, low, high = strengths(gaps_R, influence_B, [0] * 5).interval(GAP, 0.95)
    assert value == 0
    assert (low, high) == pytest.approx((-2 * stats.t.ppf(0.975, 4), 2 * stats.t.ppf(0.975, 4)), rel=1e-3)


def test_skew_reaches_farther_on_the_longer_side() -> None:
    gaps_R = np.array([-1.0] * 60 + [3.0] * 40)
    found = strengths(gaps_R, np.array([1.0, -1.0] * 500), [0] * 1000)
    _, low, high = found.interval(GAP, 0.95)
    both = (0.6 * 1 + 0.4 * 9) / 2
    assert low == pytest.approx(-1.962 * np.sqrt(0.5 + both), rel=2e-3)
    assert high == pytest.approx(1.962 * np.sqrt(4.5 + both), rel=2e-3)


def test_what_no_resample_shows_is_added() -> None:
    _, low, high = strengths(np.zeros(50), np.zeros(5), [0] * 5, unseen=4.0).interval(GAP, 0.95)
    assert (low, high) == pytest.approx((-1.959964 * 2, 1.959964 * 2))


def test_the_game_with_the_most_variance_decides_the_freedom() -> None:
    """Three seeds that disagree and a hundred that hardly do: little more than two degrees of freedom."""
    influence_B = np.array([3.0, -3.0, 0.0, *([0.001, -0.001] * 50)])
    _, _, high = strengths(np.array([-1.0, 1.0] * 50), influence_B, [0] * 3 + [1] * 100).interval(GAP, 0.95)
    assert high == pytest.approx(stats.t.ppf(0.975, 2), rel=0.01)


def test_resampled_seeds_vary_as_seeds_do() -> None:
    """The replicates' totals vary by S times the seeds' variance, which S plain draws would understate."""
    wins = [1, 2, 2, 5, 9]
    found = [
        versus("duel", seed, ("a", "b"), (1, 2)) for seed, count in enumerate(wins) for _ in range(count)
    ]
    resampled = gather(races(found), ("a", "b")).resampled(20_000, np.random.default_rng(0))
    totals_R = resampled.chosen[1:, 0]
    assert resampled.chosen[0, 0] == 19
    assert totals_R.mean() == pytest.approx(19, rel=0.01)
    assert totals_R.var() == pytest.approx(5 * np.var(wins, ddof=1), rel=0.03)
