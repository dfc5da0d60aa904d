"""Losing cannot be dodged: who fails when asked is last in a rated match, and nobody's word changes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.match.episode import EndReason, Episode, match_of
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record.store import Store
from arena.record.verify import verify
from arena.tournament.entrants import parse_entrants
from arena_agents import Agent, Observation, Reply
from arena_agents.search import SearchAgent
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_leaderboard import standings
from tests.arena.players import Exits, First, Says, Seeded

SNAKE, DUEL, LAKE = find_game("snake"), find_game("snake-duel"), find_game("frozen-lake")


class Half(Agent):
    """Plays the search's move or a random one, with equal chances."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [self._answer(observation) for observation in observations]

    def _answer(self, observation: Observation) -> Reply:
        if observation.rng().random() < 0.5:
            return Reply(Seeded().choose(observation))
        return SearchAgent().act([observation])[0]


class Dodges(Half):
    """The same, but fails wherever its own move is not the search's, and says that others are to blame."""

    def _answer(self, observation: Observation) -> Reply:
        said = super()._answer(observation)
        if said.text != SearchAgent().act([observation])[0].text:
            return Reply("", error="the network is down", passing=True)
        return said


def played(agent: Agent, game: str = "snake-duel", count: int = 3) -> list[Episode]:
    spec = find_game(game)
    players = seated(spec, ("bad", *["good"] * (len(spec.open_seats) - 1)))
    matches = [Match(spec, seed, players) for seed in range(count)]
    return list(play(matches, {"bad": agent, "good": First(), **house_agents([spec])}))


def stored(folder: Path, episodes: Sequence[Episode], game: str = "snake-duel") -> None:
    with Store.open(folder, {}, {}) as store:
        store.add(episodes, find_game(game).open_seats)


@pytest.mark.parametrize("game", ["frozen-lake", "snake", "snake-duel", "snake-royale"])
def test_a_failure_at_the_very_first_decision_is_a_forfeit(game: str, tmp_path: Path) -> None:
    """Its position has been seen by then: whoever likes only some of them could choose."""
    episodes = played(Exits(), game)
    for episode in episodes:
        assert (episode.end, episode.culprit) == (EndReason.FORFEIT, "bad")
        assert episode.failed
        others = len(episode.players) - 1
        assert episode.placements == (1 + others, *[1] * others)
        assert not episode.successes[0]
    stored(tmp_path, episodes, game)
    assert verify(tmp_path).faults == []
    with Store.read(tmp_path) as store:
        assert all(result.rated and result.culprit == "bad" for result in store.results())


def test_a_local_agent_cannot_have_a_match_played_again() -> None:
    class Passes(Agent):
        remote = True

        def act(self, observations: Sequence[Observation]) -> list[Reply]:
            return [Reply("", error="not my fault", passing=True) for _ in observations]

    for episode in played(Passes()):
        assert episode.end == EndReason.FORFEIT
        assert episode.failure == Reply("", error="not my fault")


def test_dodging_is_worth_no_points(tmp_path: Path) -> None:
    """An agent that fails before each of its bad moves is not above its honest twin, by any reading."""
    agents = {"half": Half(), "dodges": Dodges(), "search": SearchAgent()}
    pairs = [(one, other) for one in agents for other in agents if one != other]
    for spec in (SNAKE, DUEL):
        openings = [(name,) for name in agents] if spec is SNAKE else pairs
        matches = [Match(spec, seed, seated(spec, names)) for seed in range(12) for names in openings]
        with Store.open(tmp_path, {}, {}) as store:
            store.add(play(matches, {**agents, **house_agents([spec])}), spec.open_seats)
    with Store.read(tmp_path) as store:
        board = standings(store.results(), bootstraps=20)
    for rows in (board.overall, *board.games.values()):
        by_name = {standing.agent: standing for standing in rows}
        assert by_name["dodges"].rating.mean < by_name["half"].rating.mean  # type: ignore[union-attr]
        assert by_name["dodges"].forfeits > 0
    assert verify(tmp_path).faults == []


class SaysVerdict(Seeded):
    """Fails in the words of the referee."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply("?") if o.turn < 2 else Reply("", error="2 invalid replies") for o in observations]


def test_an_error_in_the_referees_words_is_told_from_its_verdict(tmp_path: Path) -> None:
    episodes = played(SaysVerdict(), "snake-royale", 6)
    assert {(e.end, e.detail, e.failed) for e in episodes if e.culprit} == {
        (EndReason.FORFEIT, "error: 2 invalid replies", True)
    }
    matches = [Match(DUEL, seed, ("bad", "bad")) for seed in range(3)]
    by_rule = list(play(matches, {"bad": Says()}, MatchConfig(max_invalid=2)))
    assert {(e.detail, e.failed) for e in by_rule if e.culprit} == {("2 invalid replies", False)}
    stored(tmp_path / "royale", episodes, "snake-royale")
    stored(tmp_path / "duel", by_rule)
    assert verify(tmp_path / "royale").faults == verify(tmp_path / "duel").faults == []


class OfOurs(Seeded):
    """Fails on its third turn, and is believed that something else is to blame."""

    __module__ = "arena_agents.language.api_agent"

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        down = Reply("", error="the server is gone", passing=True)
        return [down if o.turn == 2 else Reply(self.choose(o)) for o in observations]


def test_failures_of_older_runs_stay_unrated_and_verify(tmp_path: Path) -> None:
    """There every failure was an `agent_error`, stored as the match itself."""
    old = [replace(episode, failure=None) for episode in played(OfOurs(), count=6)]
    assert {episode.end for episode in old if episode.failed} == {EndReason.AGENT_ERROR}
    stored(tmp_path, old)
    assert verify(tmp_path).faults == []
    with Store.read(tmp_path) as store:
        assert all(result.rated == (result.culprit is None) for result in store.results())


NAMES = st.text(max_size=8) | st.sampled_from(["d", "d (attempt 1)", "a,b", "x (attempt 2) (attempt 1)"])


@settings(max_examples=200)
@given(players=st.tuples(NAMES, NAMES), attempt=st.integers(1, 99))
def test_names_are_no_grammar(players: tuple[str, str], attempt: int) -> None:
    match = Match(DUEL, 5, players)
    assert match_of(match.id, players) == match.id
    assert match_of(f"{match.id} (attempt {attempt})", players) == match.id


def test_a_run_of_an_agent_that_is_called_like_an_attempt_verifies(tmp_path: Path) -> None:
    players = ("d", "d (attempt 1)")
    matches = [Match(DUEL, seed, players) for seed in range(3)]
    stored(tmp_path, list(play(matches, dict.fromkeys(players, Seeded()))))
    assert verify(tmp_path).faults == []
    with pytest.raises(UsageError, match="two agents are called"):
        parse_entrants(["d", "d (attempt 1)"])


@pytest.mark.parametrize("deadline_s", [0, -1, float("nan")])
def test_a_deadline_that_is_none_is_refused_in_one_line(deadline_s: float) -> None:
    with pytest.raises(UsageError, match="a deadline is a number of seconds above 0"):
        MatchConfig(deadline_s=deadline_s)


@pytest.mark.parametrize("deadline_s", [1e12, float("inf")])
def test_a_deadline_of_for_ever_is_one(deadline_s: float) -> None:
    (episode,) = play([Match(LAKE, 1, ("a",))], {"a": First()}, MatchConfig(deadline_s=deadline_s))
    assert not episode.failed
