"""How often the intervals hold what they promise, on simulated tournaments whose truth is known.

The truth is the rating that a tournament of very many seeds comes to. The figures in the
leaderboard's README are printed by

    python -m pytest -s -m slow tests/leaderboard/test_coverage.py
"""

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from arena_leaderboard import Fit, MatchResult
from arena_leaderboard.model.ratings import POINTS, fit_ratings
from tests.leaderboard.simulate import FIELD, mixed, plackett_luce

SCOPES = (None, "lake", "apples", "duel", "royale")


def fit_of(results: Iterable[MatchResult], scope: str | None, bootstraps: int, seed: int = 0) -> Fit:
    found = [result for result in results if scope in (None, result.game)]
    fit = fit_ratings(found, bootstraps=bootstraps, seed=seed)
    assert fit is not None
    return fit


@cache
def truth(scope: str | None) -> dict[str, float]:
    fit = fit_of(_endless(), scope, bootstraps=1)
    return {agent: fit.rating(agent).mean for agent in FIELD}


@cache
def _endless() -> tuple[MatchResult, ...]:
    return tuple(mixed(2000, 700, np.random.default_rng(99)))


def held(fit: Fit, true: dict[str, float]) -> tuple[list[bool], list[bool]]:
    """Which ratings' intervals, and which intervals of neighbours' differences, hold the truth."""
    rated = [fit.rating(agent) for agent in FIELD]
    gaps = [fit.difference(*pair) for pair in pairwise(FIELD)]
    return (
        [r.low <= true[agent] <= r.high for agent, r in zip(FIELD, rated, strict=True)],
        [gap.low <= true[gap.above] - true[gap.below] <= gap.high for gap in gaps],
    )


def coverage(seeds: int, meetings: int, tournaments: int, scopes: Iterable[str | None]) -> dict[str, float]:
    """The share of intervals that held the truth, of ratings and of differences, in each scope."""
    generator = np.random.default_rng(seeds)
    found: dict[str, list[bool]] = {}
    for tournament in range(tournaments):
        results = mixed(seeds, meetings, generator)
        for scope in scopes:
            ratings, gaps = held(fit_of(results, scope, 200, tournament), truth(scope))
            found.setdefault(scope or "overall", []).extend(ratings)
            found.setdefault(f"{scope or 'overall'}, differences", []).extend(gaps)
    return {name: float(np.mean(flags)) for name, flags in found.items()}


def test_intervals_hold_the_truth_in_95_of_100_tournaments() -> None:
    measured = coverage(30, 10, tournaments=60, scopes=[None])
    assert all(0.92 <= share <= 0.98 for share in measured.values()), measured


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "meetings"), [(30, 10), (60, 20)])
def test_intervals_hold_the_truth_over_500_tournaments(seeds: int, meetings: int) -> None:
    measured = coverage(seeds, meetings, tournaments=500, scopes=SCOPES)
    print(f"\n{seeds} and {meetings} seeds:", {name: f"{share:.1%}" for name, share in measured.items()})
    assert all(0.93 <= share <= 0.97 for share in measured.values()), measured


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "meetings"), [(60, 3), (5, 3)])
def test_few_seeds_promise_little_and_keep_it(seeds: int, meetings: int) -> None:
    """Three seeds of a game may promise less than they could, never much more."""
    measured = coverage(seeds, meetings, tournaments=500, scopes=SCOPES)
    print(f"\n{seeds} and {meetings} seeds:", {name: f"{share:.1%}" for name, share in measured.items()})
    assert all(share >= 0.93 for share in measured.values()), measured
    assert 0.93 <= measured["overall"] <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
def test_far_apart_in_one_game_is_the_hardest_case(seeds: int) -> None:
    """The best leads the last by 700 points: with few seeds many tournaments have an undefeated agent."""
    strengths = dict(zip("abcd", np.linspace(2, -2, 4), strict=True))
    true = {agent: 1000 + POINTS * strength for agent, strength in strengths.items()}
    generator = np.random.default_rng(seeds)
    fits = (fit_of(plackett_luce(strengths, seeds, generator), None, 200, n) for n in range(500))
    share = np.mean([fit.rating(a).low <= true[a] <= fit.rating(a).high for fit in fits for a in strengths])
    print(f"\n700 points, {seeds} seeds: {share:.1%}")
    assert share >= 0.92
