"""`arena watch` and `arena play` as they are played: pacing, failures, keys, a real terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arena.match.episode import EndReason
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.tournament.entrants import parse_entrants
from arena.views.terminal.frames import Replay
from arena.views.terminal.human_seat import HumanSeat
from arena.views.terminal.live import LiveMatch
from arena.views.terminal.watch import line_up
from arena_agents import Agent
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game
from tests.arena.players import Hangs, Raises, Seeded
from tests.arena.views.terminal import Terminal
from tests.arena.views.test_replay import piped

HERE = Path(__file__).parents[1]
LONG_S = 120.0  # for what takes a moment where nothing else runs
SNAKE, DUEL, LAKE = find_game("snake"), find_game("snake-duel"), find_game("frozen-lake")


def live(spec: GameSpec, agent: Agent, **config: float) -> LiveMatch:
    names = [f"a{seat}" for seat in spec.open_seats]
    agents = {**dict.fromkeys(names, agent), **house_agents([spec])}
    return LiveMatch(Match(spec, 1, seated(spec, names)), agents, MatchConfig(**config))  # type: ignore[arg-type]


# The match behind the picture


def test_watching_does_not_change_the_match() -> None:
    with live(SNAKE, Seeded()) as match:
        replay = match.wait_for(1_000, LONG_S)
    (unseen,) = play([Match(SNAKE, 1, ("a0", "house:random"))], {"a0": Seeded(), **house_agents([SNAKE])})
    assert replay.over
    assert replay.episode.returns == unseen.returns
    assert [(step.action, step.reward) for step in replay.episode.steps] == [
        (step.action, step.reward) for step in unseen.steps
    ]
    assert replay.closing is not None


def test_nothing_is_played_that_nobody_wants_to_see() -> None:
    with live(DUEL, Seeded()) as match:
        assert match.wait_for(0, LONG_S).last == 1
        time.sleep(0.1)
        assert match.replay().last == 1
        assert match.wait_for(2, LONG_S).last == 3
    time.sleep(0.1)
    assert not match._thread.is_alive(), "who leaves ends it"


def test_an_agents_failure_is_the_matchs_end() -> None:
    with live(DUEL, Raises()) as match:
        replay = match.wait_for(1_000, LONG_S)
    assert replay.episode.end == EndReason.FORFEIT
    with live(LAKE, Hangs(), deadline_s=0.05) as match:
        replay = match.wait_for(0, LONG_S)
    assert replay.episode.detail is not None
    assert "no reply within 0.05 s" in replay.episode.detail


def test_our_own_failures_reach_the_viewer() -> None:
    match = LiveMatch(Match(LAKE, 0, ("nobody",)), {})
    with match, pytest.raises(KeyError, match="nobody"):
        match.wait_for(0, LONG_S)


# Who plays


def test_line_up_fills_the_open_seats() -> None:
    match, agents = line_up(find_game("snake-royale"), parse_entrants("search,b=random"), "random", 0)
    assert match.players == ("search", "b", "random", "random")
    assert set(match.players) <= set(agents)
    match, _ = line_up(SNAKE, parse_entrants("search"), "nobody needs this one", 0)
    assert match.players == ("search", "house:random")


@pytest.mark.parametrize(
    ("game", "agents", "opponents", "line"),
    [
        (SNAKE, "search,random", "random", "1 open seat; name no more --agents"),
        (DUEL, "dqn", "random", "arena train snake-duel --agent dqn"),
        (DUEL, "nano+snake", "random", "arena train snake --agent nano"),
        (DUEL, "search", "serach", "did you mean 'search'"),
        (
            replace(DUEL, config=None),
            "random,search",
            "random",
            "does not know the rules of snake-duel; name",
        ),
        (replace(DUEL, config=None), "random", "search", "does not know the rules of snake-duel; name"),
    ],
)
def test_who_cannot_play(game: GameSpec, agents: str, opponents: str, line: str) -> None:
    with pytest.raises(UsageError, match=line.replace("+", r"\+")):
        line_up(game, parse_entrants(agents), opponents, 0)


# A human's keys


@pytest.fixture
def seat() -> Iterator[tuple[HumanSeat, Replay]]:
    """A human on the first seat of Snake, who has been asked for the first time."""
    human = HumanSeat(SNAKE, 0)
    with LiveMatch(Match(SNAKE, 1, ("you", "b")), {"you": human.agent, "b": Seeded()}) as match:
        until = time.monotonic() + LONG_S
        while match.replay().waiting is None and time.monotonic() < until:
            time.sleep(0.01)
        replay = match.replay()
        human.tick(0.0, replay)
        yield human, replay


@pytest.mark.parametrize("keys", [["up"], ["w"], ["1"], ["u", "p", "enter"], ["x", "5", "up"]], ids=str)
def test_ways_to_say_up(seat: tuple[HumanSeat, Replay], keys: list[str]) -> None:
    human, replay = seat
    for key in keys:
        human.press(key, replay)
    assert human.agent._said.get(timeout=LONG_S).text == "<action>up</action>"
    human.tick(1.0, replay)  # the match has not moved on yet
    human.press("up", replay)
    assert human.agent._said.empty(), "one reply to one question"


def test_nonsense_says_nothing_and_q_leaves(seat: tuple[HumanSeat, Replay]) -> None:
    human, replay = seat
    for key in ["x", "enter", "", "home", "9", "backspace"]:
        human.press(key, replay)
    assert human.agent._said.empty()
    assert not human.done
    human.press("q", replay)
    assert human.done


# In a pipe


def test_watch_in_a_pipe() -> None:
    done = piped("watch", "snake-duel", "--agents", f"search,bad={HERE / 'players.py'}:Raises", "--seed", 1)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "--- end\n" in done.stdout
    assert "Forfeited (bad: RuntimeError: no more ideas): 1. search, 2. bad\n" in done.stdout
    assert done.stdout.count("reward not yet known") <= 1


# In a terminal


def test_watch_is_live_and_can_be_left() -> None:
    slow = f"{HERE / 'players.py'}:Slow"
    with Terminal("watch", "snake-duel", "--agents", f"search,s={slow}", "--speed", 0.01) as terminal:
        terminal.wait_for("move 1/?", "seen by search, turn 1", "plays ")  # else there is no further yet
        terminal.type("\x1b[C")
        terminal.wait_for("move 2/?")
        terminal.type("9 ")
        terminal.wait_for("playing, 9/s")
        assert terminal.leave() == 0
        terminal.assert_in_order()


def test_watch_to_the_last_frame() -> None:
    with Terminal("watch", "frozen-lake", "--agents", "search", "--speed", 32) as terminal:
        terminal.wait_for("Over: success", "PG")
        assert terminal.leave() == 0
        terminal.assert_in_order()


def test_an_agent_that_hangs_or_talks_does_not_spoil_the_picture(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(
        "import sys, time\n"
        "from arena_agents import Agent\n"
        "class Noisy(Agent):\n"
        "    def choose(self, observation):\n"
        "        print('a remark'); print('\\x1b[2J', file=sys.stderr)\n"
        "        if observation.turn == 1: time.sleep(3600)\n"
        "        return '<action>up</action>'\n"
    )
    noisy = f"n={tmp_path / 'noisy.py'}:Noisy"
    command = ("watch", "frozen-lake", "--agents", noisy, "--deadline", 0.3, "--speed", 9)
    with Terminal(*command, width=120) as terminal:
        drawn = terminal.wait_for("Forfeited (n: no reply within 0.3 s)")
        assert "no reply within 0.3 s" in drawn
        assert "a remark" not in drawn
        assert terminal.leave() == 0
        terminal.assert_in_order()
        assert b"\x1b[2J" not in terminal.output
        assert b"a remark" not in terminal.output, "it stands in the agent's log"


def test_a_person_plays_on_the_screen() -> None:
    with Terminal("play", "snake", "--against", "search") as terminal:
        terminal.wait_for(
            "Waiting for you", "seen by you, turn 1", "your turn", "1 up  2 down  3 left  4 right"
        )
        terminal.type("\x1b[A")
        terminal.wait_for("last: up")
        assert terminal.leave("q") == 0
        terminal.assert_in_order()
        assert b"You resigned with" in terminal.output[terminal.output.rfind(b"\x1b[?1049l") :]


def test_a_person_plays_to_the_end() -> None:
    with Terminal("play", "frozen-lake") as terminal:
        for turn in range(1, 9):
            terminal.wait_for(f"turn {turn} ", "your turn")  # keys before it are lost
            terminal.type("a")
        terminal.wait_for("Over at the horizon: no success")
        assert terminal.leave("\r") == 0
        terminal.assert_in_order()
        assert b"Over: 0 points, no success." in terminal.output
