"""What games weigh in the overall rating, and the plain mean of the games' ratings beside it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from arena_leaderboard import (
    MatchResult,
    anchored,
    ranks_without_a_game,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    standings,
)
from arena_leaderboard.model.game_weights import Weights, game_shares
from arena_leaderboard.model.ratings import fit_ratings
from tests.leaderboard.simulate import versus


def family(game: str) -> str:
    return game.partition("-")[0]


def duels(game: str, wins: int, losses: int, first: int = 0) -> list[MatchResult]:
    return [versus(game, first + n, ("a", "b"), (1, 2) if n < wins else (2, 1)) for n in range(wins + losses)]


def three_snakes_and_a_lake() -> list[MatchResult]:
    """`a` is better in three kinds of Snake, `b`, by more, on the lake."""
    snakes = [result for kind in ("x", "y", "z") for result in duels(f"snake-{kind}", 15, 5)]
    return [*snakes, *duels("lake", 2, 18)]


def first_of(weights: Weights) -> str:
    return standings(three_snakes_and_a_lake(), weights=weights, family=family).overall[0].agent


def test_four_kinds_of_one_game_outvote_another_but_not_as_a_family() -> None:
    assert first_of("game") == "a"
    assert first_of("family") == "b"
    assert first_of("match") == "a"


def test_matches_weigh_where_one_game_has_more_of_them() -> None:
    results = [*duels("snake", 15, 5), *duels("lake", 60, 180)]
    board = {w: standings(results, weights=w).overall[0].agent for w in ("game", "match")}
    assert board["match"] == "b"
    rating = {
        w: fit_ratings(results, weights=w, bootstraps=1).rating("b").mean  # type: ignore[union-attr]
        for w in ("game", "match")
    }
    assert rating["match"] > rating["game"]


@given(st.dictionaries(st.sampled_from(["s-a", "s-b", "s-c", "l-a", "k"]), st.integers(1, 99), min_size=1))
def test_shares_by_a_naive_count(matches: dict[str, int]) -> None:
    assert set(game_shares(matches, "game").values()) == {1.0}
    assert game_shares(matches, "match") == matches
    found = game_shares(matches, "family", family)
    by_family: Counter[str] = Counter()
    for game, share in found.items():
        by_family[family(game)] += share  # type: ignore[assignment]
        assert share == max(found[other] for other in found if family(other) == family(game))
    assert all(math.isclose(total, 1) for total in by_family.values())


def test_two_games_of_a_family_weigh_as_the_other_one_alone() -> None:
    """The strengths solve the weighted score equations: Σ_g share_g (wins_g / n_g − p) + prior = 0."""
    results = [*duels("s-a", 15, 5), *duels("s-b", 12, 8), *duels("lake", 4, 16)]
    fit = fit_ratings(results, bootstraps=1, weights="family", family=family)
    assert fit is not None
    gap = fit.difference("a", "b").points * math.log(10) / 400
    share = {"s-a": 0.5, "s-b": 0.5, "lake": 1.0}
    unit = 60 / sum(share.values())  # all together weigh as much as 60 matches
    wins = unit * (0.5 * 15 / 20 + 0.5 * 12 / 20 + 4 / 20)
    expected = unit * 2 / (1 + math.exp(-gap))
    prior = 0.5 - 1 / (1 + math.exp(-gap / 2))
    assert wins - expected + prior == pytest.approx(0, abs=1e-6)


def test_games_own_ratings_do_not_depend_on_the_weights() -> None:
    plain, weighed = (
        standings(three_snakes_and_a_lake(), weights=w, family=family) for w in ("game", "family")
    )
    assert plain.games == weighed.games
    assert (plain.weights, weighed.weights) == ("game", "family")


def test_unknown_weights_are_named() -> None:
    with pytest.raises(ValueError, match="not 'seats'"):
        standings(three_snakes_and_a_lake(), weights="seats")  # type: ignore[arg-type]


def test_the_ranks_without_a_game_are_those_of_the_weights() -> None:
    results = three_snakes_and_a_lake()
    assert ranks_without_a_game(results)["a"] == (1, 1) or ranks_without_a_game(results)["a"] == (1, 2)
    weighed = ranks_without_a_game(results, weights="family", family=family)
    assert weighed == {"a": (1, 2), "b": (1, 2)}


def test_the_plain_mean_of_the_games_ratings() -> None:
    board = standings(three_snakes_and_a_lake())
    for row in board.overall:
        rated = [one.rating for rows in board.games.values() for one in rows if one.agent == row.agent]
        means = [rating.mean for rating in rated if rating]
        assert row.games_mean is not None
        assert row.games_mean.mean == pytest.approx(sum(means) / 4)
        lows = [(rating.mean - rating.low) ** 2 for rating in rated if rating]
        assert row.games_mean.low == pytest.approx(row.games_mean.mean - math.sqrt(sum(lows)) / 4)
        assert row.games_mean.matches == row.matches
    assert all(row.games_mean is None for rows in board.games.values() for row in rows)
    assert all(row.games_mean is None for row in standings(duels("one", 3, 9)).overall)


def test_an_open_end_in_one_game_opens_the_mean() -> None:
    results = [*duels("snake", 20, 0), *duels("lake", 10, 10)]
    first = standings(results).overall[0]
    assert first.games_mean is not None
    assert first.games_mean.ends[1] is None
    assert first.to_json()["games_high"] is None


def test_the_mean_moves_with_an_anchor() -> None:
    board = anchored(standings(three_snakes_and_a_lake()), "b")
    row = next(row for row in board.overall if row.agent == "b")
    assert row.games_mean is not None
    assert (row.games_mean.mean, row.games_mean.low, row.games_mean.high) == (1000, 1000, 1000)


def test_all_views_show_the_mean_and_the_weights() -> None:
    board = standings(three_snakes_and_a_lake(), weights="family", family=family)
    shape = json.loads(render_json(board))
    mean = shape["overall"][0]["games_rating"]
    assert shape["weights"] == "family"
    row = next(csv.DictReader(io.StringIO(render_csv(board))))
    assert float(row["games_rating"]) == mean
    assert f"{mean:.0f}" in render_markdown(board)
    for width in (136, 200):
        file = io.StringIO()
        render_rich(board, Console(file=file, width=width))
        assert f" {mean:.0f} " in file.getvalue()
        assert "families of games weigh equally" in file.getvalue()
