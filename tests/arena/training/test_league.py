"""A league: whom the policy meets, how it is known how it does, and that it goes on after an interruption."""

from collections import Counter

import pytest

from arena.match.seating import LEARNER
from arena.training.config import MsgrpoConfig, resolve
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.league import League, pfsp_weight
from arena.training.sft.config import SftConfig
from arena_agents.random import RandomAgent
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena import my_games
from tests.arena.training.test_options import TINY, interrupted, metrics


def league(tmp_path, past=(), **settings):
    config = MsgrpoConfig(game="snake-duel", agent="nano", opponents="league", **settings)
    made = League(find_game("snake-duel"), config, tmp_path)
    made.agents |= {f"past:step-{step:06d}": RandomAgent() for step in past}
    return made


def test_who_still_wins_or_is_about_as_good_is_preferred():
    assert [pfsp_weight(x, "hard") for x in (0.0, 0.5, 1.0)] == [1.0, 0.25, 0.0]
    assert [pfsp_weight(x, "even") for x in (0.0, 0.5, 1.0)] == [0.0, 0.25, 0.0]
    assert [pfsp_weight(x, "uniform") for x in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]


def met(made, starts=3000):
    return {
        name: count / starts for name, count in Counter(made.opponent(7, s) for s in range(starts)).items()
    }


def test_the_mix_is_as_set_and_the_past_by_its_win_rates(tmp_path):
    made = league(tmp_path, past=(10, 20), league_latest=0.5, league_anchors=0.2, pfsp="hard")
    made.win_rates = {"past:step-000010": 0.9, "past:step-000020": 0.5}
    shares = met(made)
    assert shares[LEARNER] == pytest.approx(0.5, abs=0.04)
    assert shares["random"] == pytest.approx(0.2, abs=0.04)
    hard = {10: 0.1**2, 20: 0.5**2}
    assert shares["past:step-000020"] == pytest.approx(0.3 * hard[20] / sum(hard.values()), abs=0.04)


def test_before_there_is_a_past_the_anchors_stand_in(tmp_path):
    assert met(league(tmp_path, league_latest=0.5))["random"] == pytest.approx(0.5, abs=0.04)
    assert met(league(tmp_path, anchors=())) == {LEARNER: 1.0}


def test_a_past_that_is_always_beaten_is_still_met(tmp_path):
    made = league(tmp_path, past=(10,), league_latest=0.0, league_anchors=0.0, pfsp="hard")
    made.win_rates = {"past:step-000010": 1.0}
    assert met(made, 10) == {"past:step-000010": 1.0}


def test_draws_repeat_and_differ_between_updates(tmp_path):
    first, second = league(tmp_path, past=(1, 2)), league(tmp_path, past=(1, 2))
    seats = [
        [made.seating(step)(start) for start in range(30)]
        for made, step in ((first, 3), (second, 3), (first, 4))
    ]
    assert seats[0] == seats[1] != seats[2]
    assert all(LEARNER in players for players in seats[0])


def test_win_rates_follow_from_what_is_logged(tmp_path):
    made, again = league(tmp_path), league(tmp_path)
    won, lost = (Trajectory((), 0.0, success, ("learner", "random")) for success in (True, False))
    mirror = Trajectory((), 0.0, True, ("learner", "learner"))
    logged = [made.score(Rollout(((won, won), (mirror, mirror)))), made.score(Rollout(((won, lost),)))]
    assert logged == [{"league/random": 1.0}, {"league/random": 0.5}]
    assert made.win_rates == {"random": pytest.approx(0.8 * (0.8 * 0.5 + 0.2) + 0.2 * 0.5)}
    again.replay([{"step": 1, **logged[0]}, {"step": 2, **logged[1]}])
    assert again.win_rates == made.win_rates


def test_a_league_meets_its_past_and_goes_on_after_an_interruption(tmp_path):
    settings = [*TINY, "league_every=1", "league_latest=0.0", "league_anchors=0.0"]
    whole, cut = interrupted(f"{my_games.__file__}:PAIR", tmp_path, [*settings, "opponents=league"], at=2)
    assert sorted(path.name for path in (whole / "league").iterdir()) == ["step-000001", "step-000002"]
    assert "league/past:step-000001" in metrics(whole)[-1]
    assert metrics(cut) == metrics(whole)


def test_who_cannot_have_a_league_is_told(tmp_path):
    with pytest.raises(UsageError, match="one open seat"):
        League(find_game("snake"), MsgrpoConfig(game="snake", agent="nano", opponents="league"), tmp_path)
    with pytest.raises(UsageError, match="name others"):
        resolve(
            SftConfig, {"game": "snake-duel", "agent": "nano", "teacher": "search", "opponents": "league"}
        )
