"""`arena replay`: keys and controls, what it says in a pipe, and a real terminal from start to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.match import Match
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record.store import Store
from arena.views.terminal.controls import FASTEST, SLOWEST, ReplayControls
from arena.views.terminal.frames import Replay
from arena.views.terminal.keys import first_key
from arena_agents import Agent
from arena_agents.search import SearchAgent
from arena_games.registry import find_game
from tests.arena.players import Hostile, Raises
from tests.arena.views.terminal import Terminal
from tests.arena.views.test_frames import DUEL

REPLAY = Replay(DUEL)
LAST = REPLAY.last


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with four matches: 1 and 2 are duels, 3 hostile, 4 broken off."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    duel, snake = find_game("snake-duel"), find_game("snake")
    agents: dict[str, Agent] = {"s": SearchAgent(), "t": SearchAgent(), "h": Hostile(), "r": Raises()}
    matches = [
        Match(duel, 3, ("s", "t")),
        Match(duel, 4, ("t", "s")),
        Match(snake, 0, seated(snake, ["h"])),
        Match(snake, 1, seated(snake, ["r"])),
    ]
    with Store.open(folder, {"games": {}, "agents": {}}, {}) as store:
        for match in matches:
            store.add(play([match], {**agents, **house_agents([snake])}), match.spec.open_seats)
    return folder


def piped(*arguments: object) -> Result:
    """`arena` without a terminal."""
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`arena` in a process of its own, without a terminal."""
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=surroundings, stdin=subprocess.DEVNULL)


# Keys


@pytest.mark.parametrize(
    ("typed", "key", "rest"),
    [
        (b"\x1b[A", "up", b""),
        (b"\x1bOD", "left", b""),
        (b"\x1b[C\x1b[C", "right", b"\x1b[C"),
        (b"\x1b[H", "home", b""),
        (b"\x1b[4~q", "end", b"q"),
        (b"\x1b", "escape", b""),
        (b"\x1bq", "escape", b"q"),
        (b"\x1b[200~x", "", b"x"),
        (b" ", "space", b""),
        (b"\n", "enter", b""),
        (b"\x04", "end of input", b""),
        (b"ww", "w", b"w"),
        ("é1".encode(), "é", b"1"),
        (b"\xff1", "", b"1"),
    ],
    ids=ascii,
)
def test_keys_by_name(typed: bytes, key: str, rest: bytes) -> None:
    assert first_key(typed) == (key, rest)


@given(st.binary(min_size=1, max_size=20))
def test_whatever_is_typed_is_used_up(typed: bytes) -> None:
    _, rest = first_key(typed)
    assert len(rest) < len(typed)
    assert typed.endswith(rest)


# The controls


def test_it_plays_at_its_speed_to_the_end() -> None:
    head = ReplayControls(speed=4.0)
    for tick in range(101):
        head.tick(tick / 100, REPLAY)
    assert head.position == 4
    for tick in range(101, 10_000):
        head.tick(tick / 100, REPLAY)
    assert head.position == LAST
    assert not head.done


def test_a_decision_is_shown_for_its_time_however_long_it_took() -> None:
    head = ReplayControls(speed=2.0, position=1)
    pending = Replay(replace(DUEL, steps=DUEL.steps[:1]), over=False, waiting=DUEL.steps[1].observation)
    decided = Replay(replace(DUEL, steps=DUEL.steps[:2]), over=False, waiting=DUEL.steps[2].observation)
    ticks = [(0, pending, 1), (9, pending, 1), (10, decided, 1), (10.4, decided, 1), (10.6, decided, 2)]
    for now, replay, position in ticks:
        head.tick(now, replay)
        assert head.position == position


def test_keys_move_it_and_stop_it_from_playing() -> None:
    head = ReplayControls()
    moves = {"right": 1, "n": 2, "left": 1, "b": 0, "backspace": 0, "end": LAST, "enter": LAST, "home": 0}
    for key, position in moves.items():
        head.press(key, REPLAY)
        assert head.position == position
    assert not head.playing
    head.press("space", REPLAY)
    assert head.playing
    head.press("p", REPLAY)
    assert not head.playing


def test_playing_on_at_the_end_starts_anew() -> None:
    head = ReplayControls(position=LAST)
    head.press("space", REPLAY)
    assert (head.position, head.playing) == (0, True)
    going_on = Replay(DUEL, over=False, waiting=DUEL.steps[-1].observation)
    live = ReplayControls(position=LAST)
    live.press("space", going_on)
    assert (live.position, live.playing) == (LAST, False)


@given(st.lists(st.sampled_from("+-=_19px z") | st.sampled_from(["left", "right", "end", ""])))
def test_no_key_leads_out_of_the_film(keys: list[str]) -> None:
    head = ReplayControls()
    for now, key in enumerate(keys):
        head.press(key, REPLAY)
        head.tick(float(now), REPLAY)
        assert 0 <= head.position <= LAST
        assert SLOWEST <= head.speed <= FASTEST
    assert not head.done


def test_speed_keys() -> None:
    head = ReplayControls(speed=2.0)
    for key, speed in [("+", 4.0), ("-", 2.0), ("7", 7.0), ("0", 7.0)]:
        head.press(key, REPLAY)
        assert head.speed == speed


@pytest.mark.parametrize("key", ["q", "escape", "end of input"])
def test_ways_to_leave(key: str) -> None:
    head = ReplayControls()
    head.press(key, REPLAY)
    assert head.done


# In a pipe


def test_without_a_match_the_notable_ones_are_listed(run: Path) -> None:
    done = piped("replay", run)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    named = {line.split()[0]: line for line in lines if line[:2].strip().isdigit()}
    assert "first invalid reply" in named["3"]
    assert "first error" in named["4"]
    assert "closest" in named["1"] or "closest" in named["2"]
    assert f"Any of the 4 matches: arena replay {run} NUMBER, from 1 to 4" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_pipe_gets_every_step(run: Path) -> None:
    by_number, by_id = piped("replay", run, 1), piped("replay", run, "snake-duel:3:0:s,t")
    assert by_number.exit_code == 0
    assert by_number.stdout == by_id.stdout
    assert by_number.stdout.count("--- move ") == LAST
    assert by_number.stdout.count("--- end") == 1
    assert "\x1b" not in by_number.stdout


def test_hostile_replies_in_a_pipe_that_knows_ascii_only(run: Path) -> None:
    done = process("replay", run, 3, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "  | \\x1b[31mred\\x1b[0m\n" in done.stdout
    assert not set(done.stdout) & {"\x00", "\x1b", "\r"}


@pytest.mark.parametrize("match", ["5", "0", "-1", "no-such-id", "9" * 30, "²"])
def test_an_unknown_match_is_one_line(run: Path, match: str) -> None:
    done = piped("replay", run, "--", match)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "numbers 1 to 4" in done.stderr


# In a terminal


def test_from_the_first_frame_to_the_last_and_out(run: Path) -> None:
    with Terminal("replay", run, 1, "--speed", 0.01) as terminal:
        first = terminal.wait_for("move 1/40")
        assert "snake-duel  match 1 of 4" in first
        assert "seen by s, turn 1" in first
        terminal.type("\x1b[C")
        terminal.wait_for("move 2/40  paused", "seen by t, turn 1")
        terminal.type("\x1b[D")
        terminal.wait_for("move 1/40  paused")
        terminal.type("9 ")
        terminal.wait_for("playing, 9/s")
        terminal.type("\x1b[F")
        terminal.wait_for("Over", "1. ")
        terminal.type("\x1b[H")
        terminal.wait_for("move 1/40")
        assert terminal.leave("q") == 0
        terminal.assert_in_order()


def test_autoplay_reaches_the_end(run: Path) -> None:
    with Terminal("replay", run, 1, "--speed", 32, width=200, height=50) as terminal:
        terminal.wait_for("Over at the horizon", "1. ")
        assert terminal.leave("\x1b") == 0
        terminal.assert_in_order()


def test_hostile_replies_on_the_screen(run: Path) -> None:
    with Terminal("replay", run, 3, "--speed", 0.01, width=100) as terminal:
        terminal.wait_for("invalid:", "\\x1b[31mred\\x1b[0m")
        terminal.type("\x1b[C\x1b[C")
        terminal.wait_for("move 3/", "[bold]markup[/bold] [link=https://example.org]x[/link]")
        assert terminal.leave() == 0
        terminal.assert_in_order()
        assert b"\x1b[31mred" not in terminal.output
        assert b"\x1b]" not in terminal.output, "no link, no title"


def test_any_size_and_any_resize(run: Path) -> None:
    with Terminal("replay", run, 1, "--speed", 0.01) as terminal:
        terminal.wait_for("move 1/40")
        for width, height in [(200, 50), (10, 3), (1, 1), (60, 200)]:
            terminal.resize(width, height)
            time.sleep(0.2)
        terminal.resize(80, 24)
        terminal.type("\x1b[C")
        terminal.wait_for("move 2/40")
        assert terminal.leave() == 0
        terminal.assert_in_order()


def test_without_colours_symbols_remain(run: Path) -> None:
    with Terminal("replay", run, 1, "--speed", 0.01, NO_COLOR="1") as terminal:
        terminal.wait_for("move 1/40", "@1")
        assert terminal.leave() == 0
        assert b"\x1b[38;" not in terminal.output
        assert b"\x1b[48;" not in terminal.output


@pytest.mark.parametrize("ended_by", ["ctrl-c", "sigterm", "hang-up of the keyboard"])
def test_the_terminal_is_restored_however_it_ends(run: Path, ended_by: str) -> None:
    with Terminal("replay", run, 1, "--speed", 0.01) as terminal:
        terminal.wait_for("move 1/40")
        if ended_by == "ctrl-c":
            assert terminal.leave("\x03") == 130
        elif ended_by == "sigterm":
            os.kill(terminal.process, signal.SIGTERM)
            assert terminal.end() == 128 + signal.SIGTERM
        else:
            assert terminal.leave("\x04") == 0
        terminal.assert_in_order()


def test_plain_and_dumb_terminals_get_lines(run: Path) -> None:
    for arguments, environment in [(["--plain"], {}), ([], {"TERM": "dumb"})]:
        with Terminal("replay", run, 1, *arguments, **environment) as terminal:
            assert terminal.end() == 0
            assert terminal.output.count(b"--- move ") == LAST
            assert b"\x1b[?1049h" not in terminal.output


def test_the_list_asks_which_match(run: Path) -> None:
    with Terminal("replay", run) as terminal:
        terminal.wait_for("Which one?")
        terminal.type("4\n")
        terminal.wait_for("match 4 of 4")
        assert terminal.leave() == 0
        terminal.assert_in_order()
