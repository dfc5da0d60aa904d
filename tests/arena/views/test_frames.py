"""What is shown of a match: frames, hostile texts, pictures of any size, plain lines."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.untrusted import escaped_line, terminal_text
from arena.views.terminal.drawing import draw
from arena.views.terminal.frames import Replay, ending, frame, running_returns
from arena.views.terminal.layout import Caption, cut_to, screen
from arena.views.terminal.plain import PlainPrinter
from arena.views.terminal.recorded import stored_replay
from arena_agents import Agent
from arena_agents.search import SearchAgent
from arena_games.base import GameSpec
from arena_games.board import Board, Cell
from arena_games.registry import BUILT_IN, find_game
from tests.arena.players import HOSTILE, Hostile, Raises, Says

GOLDEN = Path(__file__).parent / "golden" / "replay-frozen-lake.txt"
CAPTION = Caption("a match", "paused, 2/s", "keys")
OBEYED = [*map(chr, range(32)), "\x7f", "\x9b", "\u202e", "\u2028", "\ud800"]
ANY_TEXT = st.text(st.characters(codec=None)) | st.sampled_from(HOSTILE[:-1])


def played(spec: GameSpec, agent: Agent, seed: int = 0, **config: int) -> Episode:
    """One match in which the same agent holds all open seats."""
    names = [f"a{seat}" for seat in spec.open_seats]
    agents = {**dict.fromkeys(names, agent), **house_agents([spec])}
    (episode,) = play([Match(spec, seed, seated(spec, names))], agents, MatchConfig(**config))  # type: ignore[arg-type]
    return episode


def timeless(episode: Episode) -> Episode:
    """The record as of infinitely fast agents."""
    return replace(episode, steps=tuple(replace(step, seconds=0.0) for step in episode.steps))


def with_reply(episode: Episode, text: str) -> Episode:
    """The record with all replies replaced."""
    steps = (replace(step, reply=replace(step.reply, text=text)) for step in episode.steps)
    return replace(episode, steps=tuple(steps))


LAKE = timeless(played(find_game("frozen-lake"), SearchAgent(), 3))
DUEL = played(find_game("snake-duel"), SearchAgent(), 3)


def picture(replay: Replay, position: int, width: int = 80, height: int = 24) -> list[str]:
    """The screen's lines."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    lines = console.render_lines(screen(replay, position, CAPTION, width), console.options)
    return ["".join(segment.text for segment in line) for line in lines]


def printed(replay: Replay, **options: object) -> str:
    """The match in plain lines."""
    file = io.StringIO()
    console = Console(file=file, width=80, **options)  # type: ignore[arg-type]
    for position in range(replay.last + 1):
        PlainPrinter(console).print(replay, position)
    return file.getvalue()


# Frames


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_frames_tell_the_record(spec: GameSpec) -> None:
    episode = played(spec, SearchAgent(), 1)
    replay = stored_replay(episode)
    assert replay.notice == ""
    frames = [frame(replay, position) for position in range(replay.last + 1)]
    for shown, step in zip(frames, episode.steps, strict=False):
        assert (shown.seat, shown.reply, shown.invalid) == (step.seat, step.reply.text, step.invalid)
        assert shown.action == spec.action_names[step.action]
        assert shown.reward == step.reward
        assert shown.board is not None
    assert frames[-1].returns == episode.returns
    assert frames[-1].board is not None
    assert frames[-1].board != frames[-2].board, "the last move is seen on the board"
    with pytest.raises(IndexError):
        frame(replay, replay.last + 1)


def test_running_returns_grow_by_the_rewards() -> None:
    sums = [running_returns(DUEL, n) for n in range(len(DUEL.steps) + 1)]
    assert sums[0] == (0.0, 0.0)
    assert sums[-1] == DUEL.returns
    for step, (before, after) in zip(DUEL.steps, pairwise(sums), strict=True):
        assert after[step.seat] - before[step.seat] == step.reward
        assert after[1 - step.seat] == before[1 - step.seat]


def test_a_reward_is_unknown_until_the_seat_is_asked_again() -> None:
    steps = DUEL.steps
    early = Replay(replace(DUEL, steps=steps[:1]), over=False, waiting=steps[1].observation)
    later = Replay(replace(DUEL, steps=steps[:2]), over=False, waiting=steps[2].observation)
    assert frame(early, 0).reward is None
    assert frame(later, 0).reward == steps[0].reward
    assert frame(later, 1).reward is None
    assert "Waiting for a0" in frame(later, 2).state


def test_how_matches_end_in_words() -> None:
    assert ending(replace(LAKE, end=EndReason.FINISHED, successes=(True,))) == "Over: success"
    assert (
        ending(replace(DUEL, end=EndReason.TRUNCATED, placements=(2, 1)))
        == "Over at the horizon: 1. a1, 2. a0"
    )
    forfeit = played(find_game("snake-duel"), Says(), max_invalid=1)
    assert ending(forfeit) == "Forfeited (a0: 1 invalid replies): 1. a1, 2. a0"
    broken = played(find_game("snake-duel"), Raises(), seed=1)
    assert ending(broken) == "Forfeited (a0: RuntimeError: no more ideas): 1. a1, 2. a0"


def test_a_changed_record_is_shown_as_it_is_with_a_notice() -> None:
    step = replace(LAKE.steps[0], observation=replace(LAKE.steps[0].observation, text="tampered"))
    replay = stored_replay(replace(LAKE, steps=(step, *LAKE.steps[1:])))
    assert "cannot be played again" in replay.notice
    assert replay.closing is None
    assert frame(replay, 0).board is None
    assert "tampered" in "\n".join(picture(replay, 0))


def test_a_game_that_is_not_installed_is_shown_from_its_texts() -> None:
    replay = stored_replay(replace(LAKE, game="gone", id="gone:3:0:a0"))
    assert "unknown game 'gone'" in replay.notice
    assert "Frozen lake, 4x4" in "\n".join(picture(replay, 0))
    assert "plays action " in printed(replay)


# Hostile text


@given(ANY_TEXT, st.integers(0, 50))
def test_nothing_is_obeyed(text: str, limit: int) -> None:
    for shown in (terminal_text(text, limit).plain.replace("\n", ""), escaped_line(text, limit)):
        assert all(char.isprintable() for char in shown)


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40))
def test_what_is_printable_stays(text: str) -> None:
    text = text.replace("\xa0", " ") if all(char.isprintable() for char in text) else "plain"
    assert terminal_text(text, 40).plain == text


def test_escapes_are_spelled_out_and_length_is_told() -> None:
    assert terminal_text("\x1b[31m[bold]\x00\ud800\r\n", 99).plain == "\\x1b[31m[bold]\\x00\\ud800\\r\n"
    assert (
        terminal_text("x" * 1_000_000, 10).plain
        == "xxxxxxxxxx\n… 1,000,000 characters, the first 10 are shown"
    )
    assert escaped_line("x" * 11, 10) == "x" * 9 + "…"
    assert [line.plain for line in cut_to([Text("a"), Text("b"), Text("c")], 2)] == ["a", "… 2 more lines"]


@pytest.mark.parametrize("reply", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_replies_neither_leave_their_place_nor_act(reply: str) -> None:
    replay = Replay(with_reply(DUEL, reply), closing=None)
    lines = picture(replay, 0)
    assert [len(lines), {cell_len(line) for line in lines}] == [24, {80}]
    for text in ("".join(lines), printed(replay)):
        assert not any(char in text.replace("\n", "") for char in OBEYED)
        assert len(text) < 200_000
    assert ascii(reply)[1:6].strip("'") in printed(replay)


@settings(max_examples=30)
@given(reply=ANY_TEXT, name=ANY_TEXT, seen=ANY_TEXT, detail=ANY_TEXT)
def test_any_text_anywhere_fits_the_screen(reply: str, name: str, seen: str, detail: str) -> None:
    step = DUEL.steps[0]
    step = replace(step, observation=replace(step.observation, text=seen), invalid=detail)
    episode = replace(with_reply(DUEL, reply), players=(name, "b"), detail=detail, end=EndReason.AGENT_ERROR)
    replay = Replay(replace(episode, steps=(step, *episode.steps[1:])), notice=detail)
    for position in (0, replay.last):
        lines = picture(replay, position)
        assert [len(lines), {cell_len(line) for line in lines}] == [24, {80}]
        assert not any(char in "".join(lines) for char in OBEYED)


def test_what_does_not_fit_is_told() -> None:
    replay = Replay(with_reply(DUEL, "line\n" * 50))
    assert "… 46 more lines" in "\n".join(picture(replay, 0))
    replay = Replay(with_reply(DUEL, "x" * 1_000_000))
    assert "1,000,000 characters" in printed(replay)


def test_markup_in_a_reply_is_text() -> None:
    replay = Replay(with_reply(LAKE, "[bold red]x[/] [link=https://example.org]y[/link]"))
    assert "[bold red]x[/] [link=https://example.org]y[/link]" in "\n".join(picture(replay, 0, width=200))


# Pictures


@pytest.mark.parametrize("width", [1, 2, 12, 40, 59, 60, 80, 119, 120, 200, 500])
@pytest.mark.parametrize("height", [1, 2, 5, 14, 24, 50])
def test_the_picture_is_as_large_as_the_screen(width: int, height: int) -> None:
    lines = picture(stored_replay(DUEL), 1, width, height)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_80_by_24_has_room_for_what_matters(spec: GameSpec) -> None:
    replay = stored_replay(played(spec, Hostile(), 1))
    shown = frame(replay, 0)
    text = "\n".join(picture(replay, 0))
    assert shown.board is not None
    board = draw(shown.board)
    assert board is not None
    assert all(row in text for row in board.plain.split("\n"))
    for part in (
        f"move 1/{replay.last}",
        "seen by a0",
        "\\x1b[31mred",
        "invalid: no <action>",
        "reward",
        "keys",
    ):
        assert part in text
    assert all(f" {seat + 1} " in text for seat in range(spec.seats))


def test_boards_of_others_cannot_break_the_picture() -> None:
    row = (Cell("\x1b[2J"), Cell("日本"), Cell(""))
    drawn = draw(Board((row, row)))
    assert drawn is not None
    assert [cell_len(line) for line in drawn.plain.split("\n")] == [6, 6]
    assert drawn.plain.isascii()
    assert "\x1b" not in drawn.plain
    assert draw(Board((row, row[:1]))) is None, "uneven rows"
    assert draw(Board((row * 1000,))) is None
    assert draw(Board(())) is None


def test_a_game_whose_picture_fails_is_shown_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(observation: object) -> Board:
        raise ZeroDivisionError

    spec = replace(find_game("frozen-lake"), board=fails)
    monkeypatch.setattr("arena.views.terminal.frames.stored_game", lambda name: spec)
    assert frame(Replay(LAKE), 0).board is None
    assert "Frozen lake, 4x4" in "\n".join(picture(Replay(LAKE), 0))


# Plain lines


def test_plain_lines_are_golden() -> None:
    assert printed(stored_replay(LAKE)).replace("\r", "") == GOLDEN.read_text(encoding="utf-8")


def test_plain_lines_in_colour_are_the_same_words() -> None:
    coloured = printed(stored_replay(DUEL), force_terminal=True, color_system="256")
    assert "\x1b[" in coloured
    assert Text.from_ansi(coloured).plain.rstrip("\n") == printed(stored_replay(DUEL)).rstrip("\n")
