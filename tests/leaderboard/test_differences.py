"""Differences of ratings: what separates two ranks."""

import pytest

from arena_leaderboard import MatchResult, differences, standings
from tests.leaderboard.simulate import crashed, versus


def duels(one: str, other: str, won: int, lost: int, game: str = "duel") -> list[MatchResult]:
    return [versus(game, seed, (one, other), (1, 2) if seed < won else (2, 1)) for seed in range(won + lost)]


def test_each_rank_is_set_against_the_next() -> None:
    board = standings([*duels("a", "b", 40, 10), *duels("b", "c", 40, 10), crashed("duel", 99, ("d",), "d")])
    found = differences(board)
    assert [(difference.above, difference.below) for difference in found] == [("a", "b"), ("b", "c")]
    assert found == differences(board, "duel")
    for difference, (above, below) in zip(found, [(0, 1), (1, 2)], strict=True):
        rated = [board.overall[i].rating for i in (above, below)]
        assert difference.points == pytest.approx(rated[0].mean - rated[1].mean)  # type: ignore[union-attr]
        assert difference.low < difference.points < difference.high


def test_separation_depends_on_the_level() -> None:
    board = standings(duels("a", "b", 33, 17))
    wide, narrow = differences(board, level=0.9999)[0], differences(board, level=0.5)[0]
    assert (wide.separated, narrow.separated) == (False, True)
    assert wide.low < narrow.low < narrow.points < narrow.high < wide.high


def test_probability_is_the_share_of_resampled_tournaments() -> None:
    (even,) = differences(standings(duels("a", "b", 25, 25)))
    (clear,) = differences(standings(duels("a", "b", 45, 5)))
    (likely,) = differences(standings(duels("a", "b", 29, 21)))
    assert even.probability == pytest.approx(0.5, abs=0.1)
    assert 0.75 < likely.probability < 0.97
    assert clear.probability > 0.999


def test_one_another_s_twins_are_not_separated() -> None:
    results = [versus("duel", seed, (twin, "c"), (1, 2)) for seed in range(40) for twin in "ab"]
    (twins, clear) = differences(standings(results))
    assert (twins.points, twins.probability) == (0, pytest.approx(0.5))
    assert not twins.separated
    assert clear.separated


def test_shared_seeds_separate_what_the_two_intervals_alone_would_not() -> None:
    """On every seed b does one better than c, and how both do against a is the seed's luck."""
    results = [versus("royale", seed, "abc", (1, 2, 3) if seed % 2 else (3, 1, 2)) for seed in range(40)]
    board = standings(results)
    ranks = {standing.agent: standing for standing in board.overall}
    gap = board.fits[None].difference("b", "c")
    assert gap.separated
    assert gap.high - gap.low < ranks["a"].rating.high - ranks["a"].rating.low  # type: ignore[union-attr]


def test_unknown_games_and_levels_are_refused() -> None:
    board = standings(duels("a", "b", 3, 2))
    with pytest.raises(KeyError):
        differences(board, "chess")
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            differences(board, level=level)


def test_nothing_rated_has_no_differences() -> None:
    assert differences(standings([])) == ()
    assert differences(standings([crashed("duel", 0, ("a", "b"), "a")]), "duel") == ()
