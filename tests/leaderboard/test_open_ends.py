"""Who wins, or loses, nearly everything: how far the interval reaches, and what shows it."""

from __future__ import annotations

import io
import json
import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats

from arena_leaderboard import (
    Fit,
    Leaderboard,
    MatchResult,
    Rating,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    standings,
)
from arena_leaderboard.model.bootstrap import gather
from arena_leaderboard.model.interval import Strengths
from arena_leaderboard.model.quantiles import poisson_limits
from arena_leaderboard.model.rare import Rare, defeats_and_wins
from arena_leaderboard.model.ratings import POINTS, fit_ratings
from arena_leaderboard.results import races
from arena_leaderboard.views.axis import Axis
from arena_leaderboard.views.cells import ASCII, UNICODE
from arena_leaderboard.views.html import render_html
from arena_leaderboard.views.numbers import span
from tests.leaderboard.simulate import plackett_luce, single, versus

FIELD = {"b": 0.3, "c": 0.1, "d": -0.1, "e": -0.3}


def fit_of(results: list[MatchResult], bootstraps: int = 100) -> Fit:
    fit = fit_ratings(results, bootstraps=bootstraps)
    assert fit is not None
    return fit


def duels(wins: int, losses: int) -> list[MatchResult]:
    """`a` against `b`, one match a seed."""
    return [versus("duel", n, ("a", "b"), (1, 2) if n < wins else (2, 1)) for n in range(wins + losses)]


def unbeaten() -> list[MatchResult]:
    """`a` beats all, the others each other by turns."""
    return [
        versus("duel", seed, pair, (1, 2) if pair[0] == "a" or (pair[1] != "a" and seed % 2) else (2, 1))
        for seed in range(20)
        for pair in permutations("abcd", 2)
    ]


@given(st.integers(0, 40), st.floats(0.5, 0.999))
def test_limits_are_those_of_exact_counts(events: int, level: float) -> None:
    """Beyond them so many events, or so few, are less likely than half of what is left."""
    low, high = poisson_limits(float(events), level)
    assert stats.poisson.sf(events - 1, low) == pytest.approx((1 - level) / 2) or events == 0 == low
    assert stats.poisson.cdf(events, high) == pytest.approx((1 - level) / 2)


def test_defeats_and_wins_match_a_naive_count() -> None:
    """Of each choice that an agent could win: did it? Seeds count as independent by Kish's number."""
    generator = np.random.default_rng(0)
    results = plackett_luce({"a": 2.0, **FIELD}, 12, generator)
    agents = ("a", *FIELD)
    evidence = gather(races(results), agents)
    defeats, wins = defeats_and_wins(evidence, np.zeros(5))
    for a, agent in enumerate(agents):
        lost, won, chances = [], [], 0
        for result in results:
            place = result.placements[result.players.index(agent)]
            lost.append(place - 1)  # passed over once by each one ahead
            won.append(int(place < len(agents)))  # the last one is chosen from itself
            chances += lost[-1] + won[-1]
        assert defeats.seen[a] == pytest.approx(sum(lost))
        assert wins.seen[a] == pytest.approx(sum(won))
        assert defeats.possible[a] == pytest.approx(chances)
        kish = sum(lost) ** 2 / sum(n * n for n in lost)
        assert defeats.independent[a] == pytest.approx(kish)


def test_the_reach_is_that_of_the_limits() -> None:
    one = np.ones(1)
    rare = Rare(seen=2 * one, expected=2.5 * one, possible=100 * one, independent=2 * one, single=one)
    away, back = rare.reach(0, 0.95)
    assert away == pytest.approx(math.log(2.5 / stats.gamma.ppf(0.025, 2)))
    assert back == pytest.approx(math.log(stats.gamma.ppf(0.975, 3) / 2.5))
    common = Rare(seen=20 * one, expected=20 * one, possible=100 * one, independent=20 * one, single=one)
    assert common.reach(0, 0.95) == (0.0, 0.0)


def test_who_wins_all_is_open_above_and_who_loses_all_below() -> None:
    fit = fit_of(duels(20, 0))
    best, worst = fit.rating("a"), fit.rating("b")
    assert best.high == math.inf
    assert math.isfinite(best.low)
    assert worst.low == -math.inf
    assert math.isfinite(worst.high)
    assert best.ends == (best.low, None)
    assert worst.ends == (None, worst.high)
    gap = fit.difference("a", "b")
    assert gap.separated
    assert gap.ends == (gap.low, None)
    assert fit.difference("b", "a").high == -gap.low


def test_one_defeat_closes_the_interval_far_above() -> None:
    """Its expected number may be 0.025, a fortieth of it: 640 points, less the prior's half a defeat."""
    open_end, closed = (fit_of(duels(60, defeats)).difference("a", "b") for defeats in (0, 1))
    assert open_end.high == math.inf
    assert closed.points + 640 < closed.high < closed.points + 900


def test_the_exact_lower_end_of_who_never_lost() -> None:
    """Of 20 wins in 20 matches the true share is over 83 %, that is 276 points: 3.7 defeats were expected."""
    gap = fit_of(duels(20, 0)).difference("a", "b")
    exact = POINTS * math.log(20 / stats.gamma.ppf(0.975, 1))
    assert gap.low == pytest.approx(exact, abs=40)


def test_others_stay_closed_beside_one_who_is_open() -> None:
    fit = fit_of(unbeaten())
    assert [None in fit.rating(agent).ends for agent in "abcd"] == [True, False, False, False]
    assert fit.difference("b", "c").ends != (None, None)


def test_chance_and_interval_still_agree() -> None:
    fit = fit_of(duels(6, 0))
    chance = fit.chance("a", "b")
    assert 0.001 < chance < 0.5
    assert fit.difference("a", "b", 1 - chance).low == pytest.approx(0, abs=1)


def test_ties_are_not_rare_defeats() -> None:
    results = [single("lake", seed, agent, float(seed % 10 > 0)) for seed in range(40) for agent in "abc"]
    assert all(None not in fit_of(results).rating(agent).ends for agent in "abc")


def board() -> Leaderboard:
    return standings(unbeaten(), bootstraps=50)


def test_an_open_end_is_null_in_json_and_a_sign_elsewhere() -> None:
    found = board()
    row = json.loads(render_json(found))["overall"][0]
    assert row["agent"] == "a"
    assert row["high"] is None
    assert row["low"] > 1000
    below = json.loads(render_json(found))["overall"][1]
    assert below["behind_ci95"][1] is None
    assert below["behind_ci95"][0] > 0
    assert below["separated"]
    low = f"{row['low']:.0f}"
    assert f"≥ {low}" in render_markdown(found)
    assert f"≥ {low}" in render_html(found)
    assert "inf" not in render_csv(found)


@pytest.mark.parametrize(("encoding", "least", "arrow"), [("utf-8", "≥", "▸"), ("ascii", ">=", ">")])
@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_shows_it(encoding: str, least: str, arrow: str, width: int) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    found = board()
    render_rich(found, Console(file=file, width=width))
    file.seek(0)
    text = file.read()
    first = found.overall[0].rating
    assert first
    assert f"{least} {first.low:.0f}" in text
    assert "inf" not in text
    assert width == 80 or arrow in text


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (812, 1031, "812 – 1031"),
        (812, math.inf, "≥ 812"),
        (-math.inf, 1031, "≤ 1031"),
        (-math.inf, math.inf, "open"),
    ],
)
def test_spans(low: float, high: float, shown: str) -> None:
    assert span(Rating(1000, low, high, 3), " – ") == shown


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 2000)), min_size=1, max_size=6))
def test_bars_stay_on_the_axis(found: list[tuple[bool, bool, float]]) -> None:
    ratings = [
        Rating(mean, -math.inf if low else mean - 50, math.inf if high else mean + 70, 9)
        for low, high, mean in found
    ]
    ends = [end for rating in ratings for end in (*rating.ends, rating.mean) if end is not None]
    axis = Axis(min(ends) - 10, max(ends) + 10, 30)
    for rating in ratings:
        for glyphs in (UNICODE, ASCII):
            assert len(axis.bar(rating, glyphs).plain) == 30


AHEAD = (500, 680, 940)


def coverage(ahead: float, seeds: int, tournaments: int) -> tuple[float, float, float]:
    """How often the leader's interval, and the others', held the truth, and how often it was open."""
    strengths = {"a": ahead / POINTS, **FIELD}
    middle = np.mean(list(strengths.values()))
    true = {agent: 1000 + POINTS * (strength - middle) for agent, strength in strengths.items()}
    generator, held, others, is_open = np.random.default_rng(1), [], [], []
    for _ in range(tournaments):
        fit = fit_of(plackett_luce(strengths, seeds, generator))
        within = {agent: r.low <= true[agent] <= r.high for agent in strengths for r in [fit.rating(agent)]}
        held.append(within.pop("a"))
        others.append(np.mean(list(within.values())))
        is_open.append(fit.rating("a").high == math.inf)
    return float(np.mean(held)), float(np.mean(others)), float(np.mean(is_open))


def test_far_ahead_the_interval_holds_the_truth() -> None:
    """Without the count of defeats it did in none of such tournaments."""
    held, _, _ = coverage(940, 40, 40)
    assert held >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("seeds", [10, 40])
def test_far_ahead_the_interval_holds_the_truth_in_95_of_100(ahead: float, seeds: int) -> None:
    held, others, is_open = coverage(ahead, seeds, 400)
    print(f"\n{ahead} points ahead, {seeds} seeds: {held:.1%}, the others {others:.1%}; open {is_open:.1%}")
    assert held >= 0.93
    assert others >= 0.9


def test_unbeaten_in_every_resample_leaves_the_fit_as_it_was() -> None:
    """Only intervals are wider: the strengths are those of the fit."""
    evidence = gather(races(unbeaten()), tuple("abcd"))
    found = Strengths.of(evidence, tuple("abcd"), 20, 0)
    assert found.theta[0, 0] == max(found.theta[0])
