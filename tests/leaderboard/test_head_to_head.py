"""Head to head: who finished ahead of whom."""

import json

from arena_leaderboard import head_to_head
from tests.leaderboard.simulate import crashed, single, versus


def test_shares_and_meetings_of_one_game() -> None:
    results = [versus("duel", seed, ("a", "b"), (1, 2) if seed < 3 else (1, 1)) for seed in range(4)]
    found = head_to_head(results)
    assert found.agents == ("a", "b")
    assert found.games["duel"].shares == ((None, 0.875), (0.125, None))
    assert found.games["duel"].meetings == ((0, 4), (4, 0))


def test_every_two_seats_of_a_match_meet() -> None:
    found = head_to_head([versus("royale", 0, ("a", "b", "a", "c"), (1, 2, 3, 3))]).games["royale"]
    assert found.shares == ((None, 0.5, 0.75), (0.5, None, 1.0), (0.25, 0.0, None))
    assert found.meetings == ((0, 2, 2), (2, 0, 1), (2, 1, 0))


def test_single_seat_games_meet_on_shared_seeds() -> None:
    results = [single("lake", seed, "a", 1.0) for seed in range(4)]
    results += [single("lake", seed, "b", float(seed % 2)) for seed in range(2, 9)]
    found = head_to_head(results).games["lake"]
    assert (found.shares[0][1], found.meetings[0][1]) == (0.75, 2)


def test_games_weigh_equally_overall() -> None:
    few = [versus("few", 0, ("a", "b"), (1, 2))]
    many = [versus("many", seed, ("a", "b"), (2, 1)) for seed in range(9)]
    overall = head_to_head(few + many).overall
    assert (overall.shares[0][1], overall.meetings[0][1]) == (0.5, 10)


def test_the_order_of_agents_is_the_caller_s() -> None:
    found = head_to_head([versus("duel", 0, ("a", "b"), (1, 2)), crashed("duel", 1, ("a", "b"), "a")], "cba")
    assert found.agents == ("c", "b", "a")
    assert found.overall.shares == ((None, None, None), (None, None, 0.0), (None, 1.0, None))


def test_json() -> None:
    found = head_to_head([versus("duel", 0, ("a", "b"), (1, 2))])
    duels = {"shares": [[None, 1.0], [0.0, None]], "meetings": [[0, 1], [1, 0]]}
    expected = {"agents": ["a", "b"], "overall": duels, "games": {"duel": duels}}
    assert json.loads(json.dumps(found.to_json())) == expected
    assert head_to_head([]).to_json()["games"] == {}
