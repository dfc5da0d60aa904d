"""Rank intervals: Holm by hand, the chance that belongs to an interval, and how often they err."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_leaderboard import MatchResult, standings
from arena_leaderboard.model.ranks import rank_ranges, rejected
from arena_leaderboard.model.ratings import Fit, fit_ratings
from tests.leaderboard.simulate import FIELD, mixed, plackett_luce, single


def fit_of(results: list[MatchResult], bootstraps: int = 200) -> Fit:
    fit = fit_ratings(results, bootstraps=bootstraps)
    assert fit is not None
    return fit


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_matches_adjusted_chances(chances: list[float], alpha: float) -> None:
    """Adjusted chances are running maxima of (m − i) p_i over the sorted ones; those up to α are rejected."""
    named = {(str(i), "x"): chance for i, chance in enumerate(chances)}
    ordered, running, expected = sorted(chances), 0.0, 0
    for i, chance in enumerate(ordered):
        running = max(running, chance * (len(ordered) - i))
        expected += running <= alpha
    found = rejected(named, alpha)
    assert abs(len(found) - expected) <= sum(
        abs(c * (len(ordered) - i) - alpha) < 1e-12 for i, c in enumerate(ordered)
    )
    assert [named[pair] for pair in found] == ordered[: len(found)]


def test_the_chance_is_the_level_at_which_the_interval_ends_at_zero() -> None:
    fit = fit_of(mixed(30, 10, np.random.default_rng(3)))
    for one, other in combinations(fit.agents, 2):
        chance = fit.chance(one, other)
        assert chance == fit.chance(other, one)
        assert 0 < chance < 1
        if chance > 1e-6:
            gap = fit.difference(one, other, 1 - chance)
            assert min(abs(gap.low), abs(gap.high)) == pytest.approx(0, abs=1e-3 * abs(gap.points))


def test_equal_records_leave_all_ranks_open() -> None:
    results = [single("lake", seed, agent, float(seed % 2)) for seed in range(20) for agent in "abc"]
    assert {standing.ranks for standing in standings(results).overall} == {(1, 3)}


def test_who_is_certainly_better_has_one_rank() -> None:
    strengths = {"a": 3.0, "b": 0.1, "c": 0.0, "d": -3.0}
    board = standings(plackett_luce(strengths, 200, np.random.default_rng(0)))
    assert {row.agent: row.ranks for row in board.overall} == {
        "a": (1, 1),
        "b": (2, 3),
        "c": (2, 3),
        "d": (4, 4),
    }


def test_looks_leave_more_ranks_open() -> None:
    fit = fit_of(mixed(30, 10, np.random.default_rng(5)))
    plain, strict = (rank_ranges(fit, level) for level in (0.95, 0.9999))
    assert all(strict[a][0] <= plain[a][0] and plain[a][1] <= strict[a][1] for a in FIELD)
    assert plain != strict


def wrong_tables(agents: int, tournaments: int) -> float:
    """How often a table of equals says of any agent that some rank is not its own."""
    equals, wrong = {f"agent {i}": 0.0 for i in range(agents)}, 0
    generator = np.random.default_rng(agents)
    for _ in range(tournaments):
        fit = fit_of(plackett_luce(equals, 30, generator), bootstraps=100)
        wrong += set(rank_ranges(fit, 0.95).values()) != {(1, agents)}
    return wrong / tournaments


def test_tables_of_equals_hardly_ever_rank_them() -> None:
    """Reading first against last at 95 % errs in a quarter of such tables with five agents."""
    assert wrong_tables(5, 60) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("agents", [5, 10, 20])
def test_tables_of_equals_err_in_5_percent_at_most(agents: int) -> None:
    found = wrong_tables(agents, 400)
    print(f"\n{agents} equal agents: {found:.1%} of 400 tables exclude a rank")
    assert found <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5


@pytest.mark.slow
def test_rank_intervals_of_unequal_agents_hold_their_ranks() -> None:
    generator, wrong, widths = np.random.default_rng(8), 0, []
    for _ in range(400):
        ranks = rank_ranges(fit_of(mixed(30, 10, generator), bootstraps=100), 0.95)
        wrong += any(not ranks[a][0] <= place <= ranks[a][1] for place, a in enumerate(FIELD, start=1))
        widths.append(np.mean([high - low + 1 for low, high in ranks.values()]))
    print(f"\n{wrong / 400:.1%} of 400 tables exclude a true rank; {np.mean(widths):.2f} ranks an agent")
    assert wrong / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
