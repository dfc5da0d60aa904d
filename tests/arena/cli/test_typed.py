"""What a user types: mistakes are found at once, and what is advised can be pasted."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.training.config import MsgrpoConfig
from arena.training.run_folder import RunFolder
from arena_agents.engines.vllm import start_llm
from arena_games.base import UsageError

TINY = ("--set", "groups=1", "--set", "group_size=2", "--set", "eval_episodes=2", "--steps", "1")
SMALL_DQN = ("--set", "episodes=2", "--set", "updates=2", "--set", "eval_episodes=2", "--steps", "2")


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """The one line that refuses this."""
    done = arena(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("arena: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("arena_agents.language.agent.load_model", loaded)
    monkeypatch.setattr("arena.training.language.training.load_model", loaded)


@pytest.mark.usefixtures("nothing_loaded")
def test_typos_are_found_before_a_model_is_loaded(tmp_path: Path) -> None:
    here = ("--out", tmp_path / "run", *TINY)
    assert "unknown agent 'nobody'" in refused(
        "train", "frozen-lake", "--agent", "nano", "--opponents", "nobody", *here
    )
    assert "cannot read template typo" in refused(
        "train", "frozen-lake", "--agent", "nano", "--template", "typo", *here
    )
    assert not (tmp_path / "run").exists()
    assert "unknown agent 'nobody'" in refused("eval", "nano", "--games", "snake", "--opponents", "nobody")
    assert "cannot read template typo" in refused("eval", "nano", "--games", "snake", "--template", "typo")


def test_the_advised_commands_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    where = "my runs/it's one"
    command = ("train", "frozen-lake", "--agent", "dqn", *SMALL_DQN, "--out", where)
    done = arena(*command)
    assert done.exit_code == 0, done.output
    advised = shlex.split(done.stdout.partition("rate it with ")[2])
    assert advised == ["arena", "eval", where, "--games", "frozen-lake"]
    again = shlex.split(refused(*command).partition("go on with ")[2].partition(", or")[0])
    assert again == ["--resume", where]
    assert arena("train", *again).exit_code == 0
    missing = refused("leaderboard", "no such folder")
    assert shlex.split(missing.partition("play one with ")[2]) == [
        *("arena", "tournament", "--out", "no such folder")
    ]


def test_runs_are_listed_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder.create(tmp_path / "a", MsgrpoConfig(game="snake", agent="nano"))
    for folder in ("", ".", str(tmp_path)):
        done = arena("list", "runs", folder)
        assert done.exit_code == 0, done.output
        assert "nano on snake" in done.stdout
    assert "no folder nowhere" in refused("list", "runs", "nowhere")


@pytest.mark.parametrize("command", [("train", "snake"), ("sft", "snake", "--teacher", "search")])
def test_weights_that_would_not_move_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    asked = (*command, "--agent", "nano", "--set", "dtype=bfloat16", "--out", tmp_path / "run")
    said = refused(*asked, "--set", "lora_rank=0")
    assert "round to nothing; use --set dtype=float32, or an adapter with --set lora_rank=16" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({}, "with too little memory play fewer models at once, else use --engine transformers"),
        ({"more_room": "change --set engine_memory=0.45"}, "change --set engine_memory=0.45, else"),
    ],
)
def test_vllms_remedy_is_one_of_the_command(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], remedy: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("no memory\nand more")

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=full))
    for name in ("VLLM_LOGGING_LEVEL", "TORCHDYNAMO_DISABLE", "VLLM_NO_USAGE_STATS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with pytest.raises(UsageError) as caught:
        start_llm("somewhere", **given)  # type: ignore[arg-type]
    assert str(caught.value).startswith("vllm could not start: no memory; with too little memory ")
    assert remedy in str(caught.value)


def test_an_interruption_within_an_import_is_130_too() -> None:
    # Dataclasses, for one, are made by exec(); with -m or -c Python then used to end by the signal itself.
    code = (
        "import sys\nfrom arena.cli import app\nimport arena.views.listing\n"
        "def show(*_, **__): exec('raise KeyboardInterrupt')\n"
        "arena.views.listing.show = show\nsys.argv = ['arena', 'list', 'games']\napp.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "arena: interrupted\n")


def test_ctrl_c_while_a_language_model_plays_is_one_line_and_130() -> None:
    command = [sys.executable, "-m", "arena", "eval", "nano", "--games", "snake", "--episodes", "3000"]
    playing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not _asks_in_a_thread(playing.pid):
        assert playing.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    playing.send_signal(signal.SIGINT)
    said = playing.communicate(timeout=300)[1]
    assert (playing.returncode, said) == (130, "arena: interrupted\n")


def _asks_in_a_thread(process: int) -> bool:
    """Whether torch is there, and a second thread: the one that the agent is asked in."""
    try:
        loaded = "libtorch_cpu" in Path(f"/proc/{process}/maps").read_text(encoding="utf-8")
        return loaded and len(os.listdir(f"/proc/{process}/task")) > 1
    except OSError:
        return False
