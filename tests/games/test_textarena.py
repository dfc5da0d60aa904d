"""Games of TextArena as games of the arena, with the library itself."""

from __future__ import annotations

import random

import pytest

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.record.store import Store
from arena.record.verify import verify
from arena.views.terminal.frames import frame
from arena.views.terminal.recorded import stored_replay
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.registry import make_agent
from arena_games.base import ActionKind, Observation, UsageError
from arena_games.conformance import check_game
from arena_games.registry import find_game
from arena_games.textarena.spec import why_not

pytest.importorskip("textarena")

GAMES = ("TicTacToe-v0", "KuhnPoker-v0", "Nim-v0", "Snake-v0", "SimpleNegotiation-v0", "FrozenLake-v0")


@pytest.mark.parametrize("id_", GAMES)
def test_it_passes_every_check(id_: str) -> None:
    checks = check_game(find_game(f"textarena:{id_}"), episodes=4)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.passed] == []


class Says(Agent):
    """Says these, one after another, and remembers what it was shown."""

    def __init__(self, *said: str) -> None:
        self.said, self.seen = said, []

    def choose(self, observation: Observation) -> str:
        self.seen.append(observation)
        return self.said[observation.turn % len(self.said)]


TTT = "textarena:TicTacToe-v0"


def play_one(*said: str, against: Agent | None = None, seed: int = 0, config: MatchConfig | None = None):
    agent = Says(*said)
    agents = {"a": agent, "b": against or make_agent("random")}
    (episode,) = play([Match(find_game(TTT), seed, ("a", "b"))], agents, config)
    return agent, episode


def test_what_stands_in_the_tag_is_what_is_said() -> None:
    _, episode = play_one("<action>[0]</action>", "<action>[1]</action>", "<action>[2]</action>")
    assert [step.action for step in episode.steps_of(0)][:1] == ["[0]"]
    assert find_game(TTT).kind == ActionKind.TEXT
    assert episode.steps[0].observation.legal == ()
    assert "[4]" in episode.steps[0].observation.legal_names


def test_the_games_own_verdict_of_an_invalid_move_is_kept() -> None:
    """TextArena forgives one, says why, and asks again; the second loses the game."""
    agent, episode = play_one("<action>[77]</action>")
    first, second = episode.steps_of(0)[:2]
    assert (first.fault, second.fault) == ("illegal", "illegal")
    assert "77" in first.invalid or "nvalid" in first.invalid
    assert "invalid move" in agent.seen[1].text
    assert (episode.returns, episode.placements) == ((-1.0, 1.0), (2, 1))


def test_an_unreadable_reply_says_nothing_and_forfeits_as_elsewhere() -> None:
    _, episode = play_one("no tag", config=MatchConfig(max_invalid=1))
    assert (episode.end, episode.steps[0].action, episode.steps[0].fault) == ("forfeit", "", "unreadable")


def test_nothing_of_the_game_before_is_shown() -> None:
    env = find_game(TTT).make_env()
    texts = []
    for _ in range(3):
        env.reset(seed=1)
        texts.append(env.observe("seat_0")["text"])
        env.step("[4]")
    assert len(set(texts)) == 1
    assert texts[0].count("You are Player") == 1


def test_matches_side_by_side_do_not_disturb_each_other_or_anything_else() -> None:
    spec = find_game("textarena:KuhnPoker-v0")
    matches = [Match(spec, seed, ("r", "r")) for seed in range(6)]

    def lines(config: MatchConfig) -> dict[str, list[str]]:
        episodes = play(matches, {"r": make_agent("random")}, config)
        return {e.id: [step.observation.text + str(step.action) for step in e.steps] for e in episodes}

    before = random.getstate()
    assert lines(MatchConfig(concurrency=1)) == lines(MatchConfig(concurrency=6))
    assert random.getstate() == before


def test_what_was_said_is_stored_verified_and_shown(tmp_path) -> None:
    spec = find_game(TTT)
    said = ("<action>[0] \u2713 7</action>", "<action>-1</action>", "<action>[2]</action>")
    _, episode = play_one(*said)
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add([episode], spec.open_seats)
        stored = store.episode(1)
    assert [step.action for step in stored.steps] == [step.action for step in episode.steps]
    assert [step.fault for step in stored.steps] == [step.fault for step in episode.steps]
    assert verify(tmp_path, processes=1).faults == []
    assert frame(stored_replay(stored), 0).action == "[0] \u2713 7"


def test_a_lie_about_what_was_said_is_found(tmp_path) -> None:
    import sqlite3
    from contextlib import closing

    _, episode = play_one("<action>[0]</action>", "<action>[1]</action>", "<action>[2]</action>")
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add([episode], (0, 1))
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE plays SET name = (SELECT name FROM plays WHERE position = 2) WHERE position = 0"
        )
    assert any("action was stored as" in fault for fault in verify(tmp_path, processes=1).faults)


def test_who_needs_a_list_says_so() -> None:
    negotiation = find_game("textarena:SimpleNegotiation-v0")
    assert "list of actions" in obstacle(make_agent("random"), negotiation)
    assert obstacle(make_agent("random"), find_game(TTT)) is None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("KuhnPoker-v1", r"TextArena [\d.]+ has no game 'KuhnPoker-v1'; did you mean 'KuhnPoker-v0'"),
        ("", "arena list textarena names them"),
        ("TicTacToe-v0(foo=1)", "has no setting 'foo'; its settings: .*cut=N"),
        ("TicTacToe-v0(players=3)", "has to be 2, received 3"),
        ("TicTacToe-v0(players=99)", "a number from 1 to 15"),
        ("TicTacToe-v0(players=0)", "a number from 1 to 15, not 0"),
        ("Bandit-v0(num_turns=many)", "num_turns is a number, not 'many'"),
    ],
)
def test_what_cannot_be_played_says_so_in_one_line(name: str, line: str) -> None:
    with pytest.raises(UsageError, match=line) as caught:
        find_game(f"textarena:{name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resource", ["\x1b[93mwords\x1b[0m", "'words'"])  # as NLTK writes it, old and new
def test_what_a_game_lacks_is_named_with_the_remedy(resource: str) -> None:
    nltk = LookupError(f"\n*****\n  Resource {resource} not found.\n  Please use the NLTK Downloader")
    assert why_not("Wordle-v0", nltk).endswith("python -m nltk.downloader words")
    assert "for Python 3.12 or newer" in why_not("Chess-v0", SyntaxError("f-string: unmatched '['"))
    assert "cannot be played: SyntaxError: invalid" in why_not("Klondike-v0", SyntaxError("invalid syntax"))
    assert "KEY environment variable" in why_not("Debate-v0", ValueError("Set the KEY environment variable."))
