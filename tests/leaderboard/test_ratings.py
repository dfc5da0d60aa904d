"""Ratings recover what made the results, and say how sure they are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_leaderboard import MatchResult, Rating, ratings
from arena_leaderboard.model.ratings import POINTS
from tests.leaderboard.simulate import crashed, plackett_luce, single, versus

STRENGTHS = {"a": 1.2, "b": 0.5, "c": 0.0, "d": -0.4, "e": -1.3}


def test_recovers_plackett_luce_strengths() -> None:
    rated = ratings(plackett_luce(STRENGTHS, 4000, np.random.default_rng(0)))
    for agent, strength in STRENGTHS.items():
        assert rated[agent].mean == pytest.approx(1000 + POINTS * strength, abs=12)
        assert rated[agent].low < rated[agent].mean < rated[agent].high
    assert math.fsum(rating.mean for rating in rated.values()) == pytest.approx(5000)


def test_draws_make_equals() -> None:
    rated = ratings([versus("duel", seed, ("a", "b"), (1, 1)) for seed in range(20)])
    assert rated["a"].mean == rated["b"].mean == 1000


def test_undefeated_agent_is_finite_and_its_interval_is_not_a_point() -> None:
    rated = ratings([versus("duel", seed, ("a", "b"), (1, 2)) for seed in range(20)])
    assert 1200 < rated["a"].mean < 1500
    assert rated["a"].high - rated["a"].low > 100


def test_groups_that_never_met_are_not_told_apart() -> None:
    results = [versus("duel", seed, pair, (1, 1)) for seed in range(50) for pair in (("a", "b"), ("c", "d"))]
    rated = ratings(results)
    assert rated["a"].overlaps(rated["c"])
    assert rated["a"].high - rated["a"].low > 300


def test_repeating_what_is_known_makes_it_no_surer() -> None:
    """Every match stored five times over: the seeds are the same ones."""
    results = plackett_luce(STRENGTHS, 30, np.random.default_rng(7))
    once, often = ratings(results), ratings(results * 5)
    for agent, rating in once.items():
        assert often[agent].high - often[agent].low > 0.95 * (rating.high - rating.low)


def test_an_agent_alone_is_the_average() -> None:
    rated = ratings([single("lake", seed, "a", 1.0) for seed in range(3)])
    assert rated == {"a": Rating(1000, 1000, 1000, 3)}


def test_an_agent_that_met_nobody_is_average_and_unknown() -> None:
    duels = [versus("duel", seed, ("a", "b"), (1, 2)) for seed in range(30)]
    rated = ratings([*duels, single("lake", 0, "c", 1.0)])
    assert rated["c"].mean == pytest.approx(1000)
    assert rated["c"].high - rated["c"].low > 600


def test_one_seed_promises_less_than_many() -> None:
    def width(seeds: int) -> float:
        results = [
            versus("duel", match % seeds, ("a", "b"), (1, 2) if match % 3 else (2, 1)) for match in range(200)
        ]
        rating = ratings(results)["a"]
        return rating.high - rating.low

    assert width(1) > 0.8 * width(200) > 20


def test_two_seats_of_one_agent_count_as_two_entrants() -> None:
    """a, b, a: with x = exp(θ_a − θ_b) the chance is 2x/(2x + 1) · 1/(x + 1), largest at x² = ½."""
    rated = ratings([versus("royale", seed, ("a", "a", "b"), (1, 3, 2)) for seed in range(3000)])
    assert rated["a"].mean - rated["b"].mean == pytest.approx(POINTS * math.log(0.5) / 2, abs=0.1)
    assert rated["a"].matches == 3000


def test_copies_of_one_agent_are_not_told_apart() -> None:
    rated = ratings([versus("royale", seed, ("a", "a"), (1, 2)) for seed in range(30)])
    assert (rated["a"].mean, rated["a"].matches) == (1000, 30)


def test_games_weigh_equally() -> None:
    """Ten matches that a wins and a thousand that b wins: over both games they are even."""
    few = [versus("few", seed, ("a", "b"), (1, 2)) for seed in range(10)]
    many = [versus("many", seed, ("a", "b"), (2, 1)) for seed in range(1000)]
    rated = ratings(few + many)
    assert rated["a"].mean == pytest.approx(rated["b"].mean)


def test_single_seat_games_are_rated_by_return() -> None:
    rewards = {"good": 1.0, "fair": 0.5, "poor": 0.0}
    rated = ratings([single("lake", seed, *row) for seed in range(20) for row in rewards.items()])
    assert rated["good"].low > rated["fair"].high
    assert rated["fair"].mean == pytest.approx(1000)


def test_errors_are_not_losses() -> None:
    fair = [versus("duel", seed, ("a", "b"), (1 + seed % 2, 2 - seed % 2)) for seed in range(20)]
    errors = [crashed("duel", seed, ("a", "b"), "a") for seed in range(20, 60)]
    assert ratings(fair + errors) == ratings(fair)
    assert ratings(errors) == {}


def test_a_bootstrap_is_needed() -> None:
    with pytest.raises(ValueError, match="at least one bootstrap"):
        ratings([], bootstraps=0)


def test_overlap_is_symmetric() -> None:
    low, middle, high = Rating(1, 0, 2, 9), Rating(2, 1, 3, 9), Rating(4, 3.5, 5, 9)
    assert low.overlaps(middle)
    assert middle.overlaps(low)
    assert not low.overlaps(high)
    assert not high.overlaps(middle)


match_results = st.builds(
    lambda game, seed, players, order: versus(game, seed, players, order[: len(players)]),
    st.sampled_from("xy"),
    st.integers(0, 3),
    st.lists(st.sampled_from("abcd"), min_size=2, max_size=4),
    st.lists(st.integers(1, 4), min_size=4, max_size=4),
)
episodes = st.builds(
    single, st.just("z"), st.integers(0, 3), st.sampled_from("abcd"), st.sampled_from([0.0, 0.1, 1.0])
)
tournaments = st.lists(match_results | episodes, min_size=1, max_size=25)


@settings(max_examples=40)
@given(tournaments, st.permutations("abcd"), st.randoms(use_true_random=False))
def test_row_order_and_names_do_not_matter(results: list[MatchResult], names: list[str], random) -> None:  # type: ignore[no-untyped-def]
    renamed = dict(zip("abcd", names, strict=True))
    changed = [
        versus(r.game, r.seed, [renamed[player] for player in r.players], r.placements)
        if len(r.players) > 1
        else single(r.game, r.seed, renamed[r.players[0]], r.returns[0])
        for r in results
    ]
    random.shuffle(changed)
    before, after = ratings(results, bootstraps=20), ratings(changed, bootstraps=20)
    assert {renamed[agent] for agent in before} == set(after)
    for agent, rating in before.items():
        other = after[renamed[agent]]
        assert (other.mean, other.low, other.high) == pytest.approx((rating.mean, rating.low, rating.high))
        assert rating.low <= rating.mean <= rating.high
