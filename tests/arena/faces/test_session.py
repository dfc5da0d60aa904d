"""A seat that is played from outside plays the same episode as an agent that says the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arena import Match, UsageError, find_game, make_agent, play
from arena.faces.session import OPPONENT, OUTSIDE, Session


@pytest.mark.parametrize(
    ("game", "seat"), [("frozen-lake", 0), ("snake", 0), ("snake-duel", 1), ("snake-royale", 2)]
)
def test_it_is_the_episode_that_play_plays(game: str, seat: int) -> None:
    session, search = Session(game, seat=seat), make_agent("search")
    for seed in (1, 2, 3):
        observation, rewards = session.new_game(seed), []
        while observation is not None:
            moved = session.move(search.act([observation])[0].text)
            observation = moved.observation
            rewards.append(moved.reward)
        spec = find_game(game)
        agents = {OUTSIDE: search, OPPONENT: make_agent("random"), "house:random": make_agent("random")}
        (played,) = play([Match(spec, seed, session.episode.players)], agents)
        assert [step.action for step in session.episode.steps] == [step.action for step in played.steps]
        assert session.episode.returns == played.returns
        assert sum(rewards) == pytest.approx(played.returns[session.seat])


def test_what_cannot_be_read_is_told() -> None:
    session = Session("snake")
    session.new_game(5)
    assert "no <action>" in str(session.move("up, I think").invalid)


def test_what_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="open seats 0 to 0"):
        Session("snake", seat=1)
    with pytest.raises(UsageError, match="does not know the rules of snake-duel; name another opponent"):
        Session(replace(find_game("snake-duel"), config=None), opponent="search")
    session = Session("frozen-lake")
    with pytest.raises(UsageError, match="new_game first"):
        session.move("x")
    session.new_game(1)
    while session.observation is not None:
        session.move("")
    with pytest.raises(UsageError, match="is over"):
        session.move("")
