"""Standings: the numbers beside the rating, their order and their JSON."""

import json
from dataclasses import replace

import pytest

from arena_leaderboard import Leaderboard, ratings, standings
from tests.leaderboard.simulate import crashed, single, versus

ROW_KEYS = [
    "agent", "rating", "low", "high", "matches", "mean_return", "return_ci95", "success_rate", "success_ci95",
    "invalid_rate", "first_invalid_rate", "decisions_per_second", "errors", "forfeits",
    "clean_rating", "clean_low", "clean_high", "clean_matches", "behind", "behind_ci95", "separated",
    "ranks", "games_rating", "games_low", "games_high", "games_matches",
]  # fmt: skip


@pytest.fixture(name="board")
def make_board() -> Leaderboard:
    lake = [single("lake", seed, "a", 1.0) for seed in range(10)]
    lake += [single("lake", seed, "b", float(seed < 4), invalid=1) for seed in range(10)]
    duel = [versus("duel", seed, ("a", "b"), (1, 2)) for seed in range(30)]
    return standings([*lake, *duel, crashed("duel", 99, ("a", "broken"), "broken")])


def test_json_has_exactly_the_promised_shape(board: Leaderboard) -> None:
    shape = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert list(shape) == ["overall", "games", "seats", "level", "weights"]
    assert list(shape["games"]) == ["duel", "lake"]
    for row in [*shape["overall"], *shape["games"]["duel"], *shape["games"]["lake"]]:
        assert list(row) == ROW_KEYS
        assert len(row["return_ci95"]) == 2


def test_numbers_of_one_game(board: Leaderboard) -> None:
    first, second = board.games["lake"]
    assert (first.agent, second.agent) == ("a", "b")
    assert (first.matches, first.mean_return, first.success_rate) == (10, 1.0, 1.0)
    assert (second.mean_return, second.success_rate, second.invalid_rate) == (0.4, 0.4, 0.1)
    assert second.decisions_per_second == pytest.approx(100)
    assert second.success_ci95 == pytest.approx((0.168180, 0.687326), abs=1e-5)
    assert second.return_ci95 == pytest.approx(second.success_ci95)
    assert first.success_ci95 == pytest.approx((0.722467, 1.0), abs=1e-5)
    assert first.return_ci95 == pytest.approx(first.success_ci95)


def test_games_weigh_equally_overall(board: Leaderboard) -> None:
    second = board.overall[1]
    assert second.agent == "b"
    assert second.matches == 40
    assert second.mean_return == pytest.approx((0.4 + 0.0) / 2)
    assert second.invalid_rate == pytest.approx((0.1 + 0.0) / 2)


def test_agent_that_only_failed_is_listed_last_and_not_rated(board: Leaderboard) -> None:
    last = board.overall[-1]
    assert (last.agent, last.rating, last.matches, last.errors) == ("broken", None, 0, 1)
    row = last.to_json()
    assert row["rating"] is row["low"] is row["high"] is row["mean_return"] is None
    assert row["return_ci95"] == [None, None]
    assert board.overall[0].errors == 0


def test_order_is_by_rating_then_name() -> None:
    results = [versus("duel", seed, ("z", "b"), (1, 1)) for seed in range(4)]
    results += [versus("duel", seed, ("m", loser), (1, 2)) for seed in range(4) for loser in ("z", "b")]
    assert [standing.agent for standing in standings(results).overall] == ["m", "b", "z"]


def test_row_order_does_not_change_the_leaderboard() -> None:
    results = [single("lake", seed, agent, 0.1 * (seed % 3)) for seed in range(20) for agent in "abc"]
    assert standings(results).to_json() == standings(results[::-1]).to_json()


def test_separated_says_whether_the_rank_above_is_better(board: Leaderboard) -> None:
    best, second, broken = board.overall
    assert (best.separated, second.separated, broken.separated) == (None, True, None)
    assert second.lead is not None
    assert (second.lead.above, second.lead.below) == ("a", "b")
    assert second.lead.points == pytest.approx(best.rating.mean - second.rating.mean)  # type: ignore[union-attr]


def test_forfeits_are_counted_and_stay_rated() -> None:
    lost = [replace(versus("duel", seed, "ab", (1, 2)), culprit="b") for seed in range(3)]
    first, second = standings([*lost, versus("duel", 3, "ab", (1, 2))]).overall
    assert (first.forfeits, second.forfeits) == (0, 3)
    assert (second.errors, second.matches) == (0, 4)


def test_a_forfeit_is_last_whatever_had_been_paid_and_never_clean() -> None:
    """Alone, too: who is about to lose a point and gives up instead gains nothing by it."""
    played = [
        single("lake", seed, agent, 1.0 if agent == "a" else 0.0) for seed in range(9) for agent in "ab"
    ]
    given_up = [replace(result, culprit="a") if result.players == ("a",) else result for result in played]
    assert [standing.agent for standing in standings(played).overall] == ["a", "b"]
    first, second = standings(given_up).overall
    assert [first.agent, second.agent, second.forfeits, second.errors] == ["b", "a", 9, 0]
    half = standings([*played, *(replace(result, seed=result.seed + 9) for result in given_up)]).overall
    assert {standing.clean is not None for standing in half} == {True}
    clean = {standing.agent: standing.clean.matches for standing in half if standing.clean}
    assert clean == {"a": 9, "b": 18}


def test_clean_rating_is_that_of_the_matches_without_invalid_replies() -> None:
    clean = [versus("duel", seed, "ab", (1 + seed % 2, 2 - seed % 2)) for seed in range(20)]
    spoiled = [replace(versus("duel", seed, "ab", (1, 2)), invalid=(0, 1)) for seed in range(20, 60)]
    first, second = standings(clean + spoiled).overall
    assert first.rating is not None
    assert first.rating.mean > 1050
    assert first.clean == ratings(clean)["a"]
    assert second.clean == ratings(clean)["b"]


def test_clean_rating_is_left_out_where_nothing_was_invalid_or_everything() -> None:
    duels = [versus("duel", seed, "ab", (1, 2)) for seed in range(5)]
    assert {standing.clean for standing in standings(duels).overall} == {None}
    spoiled = [replace(duel, invalid=(1, 0)) for duel in duels]
    assert {standing.clean for standing in standings(spoiled).overall} == {None}


def test_nothing_played_is_an_empty_leaderboard() -> None:
    assert standings([]).to_json() == {
        "overall": [],
        "games": {},
        "seats": {},
        "level": 0.95,
        "weights": "game",
    }
