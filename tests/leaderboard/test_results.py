"""Match results are checked on the way in and joined into the right races."""

import pytest

from arena_leaderboard import MatchResult, races
from tests.leaderboard.simulate import crashed, single, versus


def test_versus_match_is_one_race_by_placement() -> None:
    (race,) = races([versus("duel", 7, ("a", "b", "c"), (2, 1, 2))])
    assert (race.game, race.seed, race.agents) == ("duel", 7, ("a", "b", "c"))
    assert race.scores[1] > race.scores[0] == race.scores[2]


def test_single_seat_results_of_a_seed_are_one_race_by_mean_return() -> None:
    found = races([single("lake", 1, "a", 1.0), single("lake", 1, "b", 0.0), single("lake", 1, "b", 1.0)])
    assert [dict(zip(race.agents, race.scores, strict=True)) for race in found] == [{"a": 1.0, "b": 0.5}]


def test_equal_means_tie_whatever_order_they_were_summed_in() -> None:
    returns = (0.1, 0.2, 0.3)
    first = [single("lake", 1, "a", reward) for reward in returns]
    second = [single("lake", 1, "b", reward) for reward in reversed(returns)]
    (race,) = races(first + second)
    assert race.scores[0] == race.scores[1]


def test_seeds_and_games_are_not_mixed() -> None:
    results = [single(game, seed, agent, 0.0) for game in "xy" for seed in (1, 2) for agent in "ab"]
    assert sorted((race.game, race.seed) for race in races(results)) == [
        ("x", 1), ("x", 2), ("y", 1), ("y", 2),
    ]  # fmt: skip


def test_what_compares_nobody_is_left_out() -> None:
    alone = single("lake", 1, "a", 1.0)
    against_itself = versus("duel", 1, ("a", "a"), (1, 2))
    unrated = crashed("duel", 2, ("a", "b"), "b")
    assert races([alone, against_itself, unrated]) == []


def test_misaligned_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry per player"):
        MatchResult("g", 0, ("a", "b"), (1,), (0.0, 0.0), (True, True), (0, 0), (1, 1), (0.0, 0.0))


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        single("lake", 0, "a", float("nan"))
    with pytest.raises(ValueError, match="start at 1"):
        versus("duel", 0, ("a", "b"), (0, 1))
