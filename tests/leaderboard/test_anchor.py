"""Ratings measured from one agent, and ranks with any one game left out."""

import pytest

from arena_leaderboard import anchored, ranks_without_a_game, standings
from arena_leaderboard.results import MatchResult
from tests.leaderboard.simulate import single, versus


def field(strong: str | None = None) -> list[MatchResult]:
    """a beats b in two of three duels; with a third agent that beats both."""
    results = [versus("duel", seed, ("a", "b"), (1, 2) if seed % 3 else (2, 1)) for seed in range(60)]
    if strong:
        for other in ("a", "b"):
            results += [versus("duel", 100 + seed, (strong, other), (1, 2)) for seed in range(60)]
    return results


def test_the_anchor_is_the_same_whoever_else_takes_part() -> None:
    boards = [standings(field()), standings(field("c"))]
    plain = [{row.agent: row.rating.mean for row in board.overall if row.rating} for board in boards]
    assert abs(plain[0]["a"] - plain[1]["a"]) > 50  # relative to the field
    fixed = [
        {row.agent: row.rating for row in anchored(board, "b").overall if row.rating} for board in boards
    ]
    assert [(one["b"].mean, one["b"].low, one["b"].high) for one in fixed] == [(1000, 1000, 1000)] * 2
    assert fixed[0]["a"].mean == pytest.approx(fixed[1]["a"].mean, abs=5)


def test_distances_intervals_and_order_are_those_of_the_board() -> None:
    board = standings(field("c"))
    moved = anchored(board, "b")
    assert [row.agent for row in moved.overall] == [row.agent for row in board.overall]
    difference = board.fits[None].difference("a", "b")
    rating = next(row.rating for row in moved.overall if row.agent == "a")
    assert rating is not None
    assert (rating.mean - 1000, rating.low - 1000, rating.high - 1000) == pytest.approx(
        (difference.points, difference.low, difference.high)
    )
    assert [row.lead for row in moved.games["duel"]] == [row.lead for row in board.games["duel"]]


def test_who_is_not_rated_is_no_anchor() -> None:
    board = standings([*field(), *[single("lake", seed, "a", 1.0) for seed in range(5)]])
    for anchor in ("nobody", "b"):  # b did not play on the lake
        with pytest.raises(ValueError, match="has no rated match"):
            anchored(board, anchor)
    with pytest.raises(ValueError, match="no match is rated"):
        anchored(standings([]), "a")


def test_an_order_that_hangs_on_one_game_says_so() -> None:
    """c is last throughout; a leads in two games by a little and loses the third by much."""
    results = []
    for game, first, second in (("g1", "a", "b"), ("g2", "a", "b"), ("g3", "b", "a")):
        often = 11 if game != "g3" else 19
        results += [
            versus(game, seed, (first, second), (1, 2) if seed < often else (2, 1)) for seed in range(20)
        ]
        results += [versus(game, 50 + seed, ("a", "c"), (1, 2)) for seed in range(20)]
        results += [versus(game, 80 + seed, ("b", "c"), (1, 2)) for seed in range(20)]
    assert ranks_without_a_game(results) == {"b": (1, 2), "a": (1, 2), "c": (3, 3)}
    assert ranks_without_a_game(field("c")) == {}
