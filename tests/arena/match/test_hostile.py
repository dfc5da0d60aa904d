"""Whatever an agent says, throws, returns or is called: stored exactly, shown harmlessly, its own loss."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.caller import ask_guarded
from arena.match.episode import EndReason
from arena.match.match import Match
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena_agents import Agent, Observation, Reply, TokenSample, Usage
from arena_games.registry import find_game
from tests.arena.players import HOSTILE

SNAKE = find_game("snake")
SHORT = [text for text in HOSTILE if len(text) < 1000]  # the megabyte has its own test, with the store's
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=50) | st.sampled_from(SHORT)
ANY_NAME = st.text(max_size=50)  # without surrogates: a command line has no pairs of them


class Repeats(Agent):
    """Gives the replies that it was made with, in turn."""

    def __init__(self, replies: Sequence[Any]) -> None:
        self.replies = replies

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [self.replies[observation.turn % len(self.replies)] for observation in observations]


class MuteError(Exception):
    """Cannot even say what is wrong."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Screams(Agent):
    """Raises what a terminal would obey."""

    def choose(self, observation: Observation) -> str:
        raise RuntimeError(HOSTILE[0] + HOSTILE[1] + HOSTILE[4] + "\u202eesrever\nand more")


def stored(agent: Agent, folder: Path, name: str = "a", count: int = 1) -> None:
    with Store.open(folder, {}, {}) as store:
        matches = [Match(SNAKE, seed, seated(SNAKE, (name,))) for seed in range(count)]
        store.add(play(matches, {name: agent, **house_agents([SNAKE])}), SNAKE.open_seats)


@settings(max_examples=20)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=4), thought=ANY_TEXT, name=ANY_NAME)
def test_any_text_goes_through_a_real_file_and_comes_back(texts: list[str], thought: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stored(Repeats([Reply(text, reasoning=thought) for text in texts]), Path(folder), name)
        with Store.read(Path(folder)) as store:
            (episode,) = store.episodes()
        assert episode.players == (name, "house:random")
        for step in episode.steps_of(0):
            assert step.reply.text == texts[step.observation.turn % len(texts)]
            assert step.reply.reasoning == thought
        assert verify(Path(folder)).faults == []


@settings(max_examples=10)
@given(detail=ANY_TEXT)
def test_any_error_goes_through_a_real_file_and_comes_back(detail: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stored(Repeats([Reply("", error=detail)]), Path(folder))
        with Store.read(Path(folder)) as store:
            (episode,) = store.episodes()
        assert (episode.end, episode.detail, episode.culprit) == (EndReason.FORFEIT, detail, "a")
        assert verify(Path(folder)).faults == []


BROKEN = {
    "text": Reply(b"up"),  # type: ignore[arg-type]
    "error": Reply("", error=5),  # type: ignore[arg-type]
    "reasoning": Reply("up", reasoning=["so", "what"]),  # type: ignore[arg-type]
    "sample": Reply("up", sample=object()),  # type: ignore[arg-type]
    "policy_version": Reply("up", TokenSample((), (), (), policy_version=2**70)),
    "usage": Reply("up", usage="lots"),  # type: ignore[arg-type]
    "prompt_tokens": Reply("up", usage=Usage("many", None)),  # type: ignore[arg-type]
    "completion_tokens": Reply("up", usage=Usage(None, 10**30)),
    "retries": Reply("up", usage=Usage(None, None, retries=-1)),
    "finish": Reply("up", usage=Usage(None, None, finish=None)),  # type: ignore[arg-type]
    "cost": Reply("up", usage=Usage(None, None, cost=float("nan"))),
    "replies": "up",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_reply_that_is_none_is_the_agents_own_error(what: str, tmp_path: Path) -> None:
    stored(Repeats([BROKEN[what]]), tmp_path)
    with Store.read(tmp_path) as store:
        (episode,) = store.episodes()
    assert (episode.end, episode.culprit) == (EndReason.FORFEIT, "a")
    assert what in str(episode.detail)


def test_a_whole_reply_passes_the_check() -> None:
    sample = TokenSample((1, 2), (3,), (-0.5,))
    whole = Reply("up", sample, usage=Usage(1, 2, 0, cost=0.0, finish="length"), reasoning="hm")
    observation = Observation("snake", 0, 0, "", (0,))
    assert ask_guarded(Repeats([whole]), [observation]) == [whole]


def test_an_exception_that_cannot_speak_is_named(tmp_path: Path) -> None:
    class Chokes(Agent):
        def choose(self, observation: Observation) -> str:
            raise MuteError

    stored(Chokes(), tmp_path)
    with Store.read(tmp_path) as store:
        assert {episode.detail for episode in store.episodes()} == {"MuteError"}


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run whose agents are called, and say, what no terminal should obey; and its `--agents`."""
    folder = tmp_path_factory.mktemp("hostile")
    name = "\x1b[31m[bold red]x <script>\u202e.py"
    shutil.copy(Path(__file__).parents[1] / "players.py", folder / name)
    shutil.copy(__file__, folder / f"more {name}")
    agents = f"random,{folder / name}:Hostile,{folder / name}:Raises,{folder / f'more {name}'}:Screams"
    options = ["--games", "snake-duel", "--agents", agents, "--matches", "4", "--out", folder / "run"]
    done = arena("tournament", *options)
    assert done.exit_code == 0, done.output
    check_harmless(done.output)
    return folder / "run", agents


def arena(*arguments: object) -> Any:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def check_harmless(output: str) -> None:
    """Nothing in it would be obeyed by a terminal; the console of a test adds no colours of its own."""
    obeyed = {character for character in output if not character.isprintable()} - {"\n"}
    assert not obeyed, ascii(output)


@pytest.mark.parametrize("format", ["rich", "json", "csv", "md"])
def test_leaderboards_of_hostile_names_are_harmless(format: str, hostile_run: tuple[Path, str]) -> None:
    done = arena("leaderboard", hostile_run[0], "--format", format)
    assert done.exit_code == 0
    check_harmless(done.stdout.replace("\r\n", "\n"))


def test_verifying_a_hostile_run_is_harmless(hostile_run: tuple[Path, str], tmp_path: Path) -> None:
    assert arena("verify", hostile_run[0]).exit_code == 0
    shutil.copy(hostile_run[0] / FILE_NAME, tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE steps SET invalid = x'1b5b33316d', seconds = 9")
    done = arena("verify", tmp_path)
    assert done.exit_code == 1
    assert "\\x1b[31m" in done.stdout
    check_harmless(done.output)


def test_a_forecast_with_hostile_names_is_harmless(hostile_run: tuple[Path, str], tmp_path: Path) -> None:
    options = ["--games", "snake-duel", "--agents", hostile_run[1], "--out", tmp_path / "x"]
    done = arena("tournament", "--dry-run", *options)
    assert done.exit_code == 0
    check_harmless(done.output)


def test_lists_and_refusals_are_harmless(hostile_run: tuple[Path, str]) -> None:
    listed = arena("list", "runs", hostile_run[0].parent)
    assert listed.exit_code == 0
    check_harmless(listed.output)
    other = arena("tournament", "--agents", "\x1b[31mnobody", "--out", hostile_run[0])
    assert other.exit_code == 2
    check_harmless(other.output)


def test_an_evaluation_tells_of_hostile_errors_harmlessly(hostile_run: tuple[Path, str]) -> None:
    screams = hostile_run[1].rpartition(",")[2]
    done = arena("eval", screams, "--games", "frozen-lake", "--episodes", 2)
    assert done.exit_code == 2
    assert "\\x1b[31mred" in done.stderr
    check_harmless(done.output)
