"""What people type out of habit from other tools is understood, or answered with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli.app import app
from arena.cli.habits import command_line, joined


def arena(*words: str) -> tuple[int, str]:
    """Exit status and all that was printed."""
    done = CliRunner().invoke(app, list(words), prog_name="arena")
    return done.exit_code, done.output


@pytest.mark.parametrize("words", [("help",), ("-h",), ("--help",)])
def test_help_is_asked_for_in_three_ways(words: tuple[str, ...]) -> None:
    assert arena(*words) == arena("--help")


def test_help_of_a_command_and_the_version() -> None:
    assert arena("help", "train") == arena("train", "-h") == arena("train", "--help")
    assert arena("version") == arena("--version")
    assert command_line([]) == []
    assert command_line(["train", "help"]) == ["train", "help"]  # only as the first word


@pytest.mark.parametrize(
    "words",
    [
        ("--game", "snake", "--agents", "random"),
        ("--games=snake", "--agent", "random"),
        ("--agent=random", "--games", "snake"),
        ("--agents", "random", "--games", "snake"),
    ],
)
def test_one_and_several_are_the_same_and_words_may_be_options(words: tuple[str, ...]) -> None:
    assert arena("eval", *words, "--episodes", "3") == arena(
        *("eval", "random", "--games", "snake", "--episodes", "3")
    )


def test_a_list_that_is_given_again_is_longer_not_another() -> None:
    assert joined(["--agents", "a", "--out", "x", "--agents=b"]) == ["--agents", "a,b", "--out", "x"]
    assert joined(["x", "--", "--agents", "a", "--agents", "b"]) == [
        "x",
        "--",
        "--agents",
        "a",
        "--agents",
        "b",
    ]
    assert joined(["--set", "a=1", "--set", "b=2"]) == ["--set", "a=1", "--set", "b=2"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("tournament", "--agents", "random", "search"), "separated by commas: --agents random,search"),
        (("train", "snake", "--agent", "nano", "--learning-rate", "1e-4"), "--set learning_rate=1e-4"),
        (("train", "snake", "--agent", "nano", "--lr=1e-4"), "--set learning_rate=1e-4"),
        (("train", "snake", "--agent", "nano", "--set", "groups=4,steps=2"), "repeat --set for each"),
        (("train", "snake", "--agent", "nan"), "did you mean 'nano'?"),
        (("eval", "Qwen/Qwen3-0.6B"), "hf:Qwen/Qwen3-0.6B"),
        (("eval", "runs/nope"), "no such folder"),
        (("report", "nowhere"), "is not there"),
    ],
)
def test_what_cannot_be_meant_otherwise_is_answered_with_what_to_type(
    words: tuple[str, ...], answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = arena(*words)
    assert status == 2
    assert answer in said
    assert said.count("\n") == 1


def test_a_file_alone_is_answered_with_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "raise SystemExit('not run')\nclass Mine(Agent):\n    pass\nSPEC = GameSpec(1)\n"
    )
    assert "name the class in it: mine.py:Mine" in arena("eval", "mine.py")[1]
    assert "name the game in it: mine.py:SPEC" in arena("check-game", "mine.py")[1]
    assert "no such file" in arena("eval", "other.py")[1]


def test_a_training_says_that_it_is_one(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").touch()
    assert "is a training" in arena("leaderboard", str(tmp_path))[1]


def test_replies_that_cannot_be_played_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from arena_agents import Agent\nclass Mine(Agent):\n    def choose(self, seen): return 'up'\n"
    )
    _, said = arena("eval", "mine.py:Mine", "--in-process", "--games", "snake", "--episodes", "2")
    assert "snake: 100% of replies cannot be played; first 'up': no <action>" in said
