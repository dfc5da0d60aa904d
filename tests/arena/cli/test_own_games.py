"""Games that nobody registered are named as agents are, by FILE.py:SPEC or module:SPEC, in every command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.record.store import Store

HERE = Path(__file__).parents[1]
ALONE, PAIR, GRIDLESS = (f"own/my_games.py:{name}" for name in ("ALONE", "PAIR", "GRIDLESS"))
TINY = ("groups=2", "group_size=2", "eval_episodes=2", "checkpoint_every=1")


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user is, with a file of games in a folder."""
    (tmp_path / "own").mkdir()
    shutil.copy(HERE / "my_games.py", tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def played(games: str) -> Result:
    return arena("tournament", "--games", games, "--agents", "random,nano", "--matches", 2, "--out", "run")


@pytest.fixture
def run(folder: Path) -> Path:
    """A tournament in both games."""
    done = played(f"{ALONE},{PAIR}")
    assert done.exit_code == 0, done.output
    return folder / "run"


def test_a_tournament_is_ranked_and_stored_by_the_reference(run: Path) -> None:
    board = json.loads(arena("leaderboard", "run", "--format", "json").stdout)
    assert set(board["games"]) == {ALONE, PAIR}
    with Store.read(run) as store:
        assert store.meta("config")["games"] == {ALONE: 1, PAIR: 1}
        assert {episode.game for episode in store.episodes()} == {ALONE, PAIR}
    assert arena("list", "runs", ".").stdout.count("my_games.py:PAIR") == 1


def test_it_is_found_again_to_be_verified_shown_and_gone_on_with(run: Path) -> None:
    verified = arena("verify", "run")
    assert verified.exit_code == 0
    assert "all as stored" in verified.output
    assert arena("report", "run").exit_code == 0
    assert "two of three tosses were called" in (run / "report.html").read_text(encoding="utf-8")
    replayed = arena("replay", "run", 1, "--plain")
    assert "A coin shows" in replayed.output
    assert "cannot be played again" not in replayed.output
    again = played(f"{ALONE},{PAIR}")
    assert again.exit_code == 0, again.output
    other = played(ALONE)
    assert other.exit_code == 2
    assert "other games" in other.output


def test_a_game_whose_file_is_gone_is_named(run: Path) -> None:
    (run.parent / "own" / "my_games.py").unlink()
    verify = [sys.executable, "-m", "arena", "verify", "run"]  # a process that has not loaded the games
    distrusted = subprocess.run(verify, capture_output=True, text=True)
    assert distrusted.returncode == 2
    assert "is Python code; arena verify run --trust runs it" in distrusted.stderr
    missing = subprocess.run([*verify, "--trust"], capture_output=True, text=True)
    assert missing.returncode == 2
    assert "no such file: own/my_games.py" in missing.stderr
    assert arena("leaderboard", "run").exit_code == arena("report", "run").exit_code == 0
    replay = [sys.executable, "-m", "arena", "replay", "run", "1", "--plain"]
    shown = subprocess.run(replay, capture_output=True, text=True)
    assert shown.returncode == 0
    assert "A coin shows" in shown.stdout
    assert "--trust runs it" in " ".join(shown.stdout.split())


def test_watch_eval_play_and_check(folder: Path) -> None:
    assert "Over" in arena("watch", PAIR, "--agents", "random", "--plain").stdout
    rows = json.loads(arena("eval", "random", "--games", f"{ALONE},{PAIR}", "--episodes", 2, "--json").stdout)
    assert [row["game"] for row in rows] == [ALONE, PAIR]
    assert "Over: " in CliRunner().invoke(cli.app, ["play", PAIR], input="heads\n" * 3).output
    assert arena("check-game", GRIDLESS, "--episodes", 5).exit_code == 0


def test_a_module_on_the_path_is_named_as_well() -> None:
    rows = json.loads(arena("eval", "random", "--games", "tests.arena.my_games:PAIR", "--json").stdout)
    assert rows[0]["game"] == "tests.arena.my_games:PAIR"


def test_nano_is_trained_and_goes_on(folder: Path) -> None:
    settings = [part for setting in TINY for part in ("--set", setting)]
    done = arena("train", ALONE, "--agent", "nano", "--steps", 1, *settings)
    assert done.exit_code == 0, done.output
    (out,) = (folder / "runs").iterdir()
    assert out.name == "nano-own-my_games.py-ALONE-0"
    assert json.loads((out / "config.json").read_text())["game"] == ALONE
    refused = arena("train", "--resume", out)
    assert refused.exit_code == 2
    assert "--trust" in refused.output
    assert arena("train", "--resume", out, "--trust").exit_code == 0
    assert arena("eval", out, "--games", ALONE, "--episodes", 2).exit_code == 0


def test_dqn_is_trained_where_there_are_planes_and_refuses_where_there_are_none(folder: Path) -> None:
    few = ("--steps", 1, "--set", "episodes=2", "--set", "eval_episodes=2")
    assert arena("train", PAIR, "--agent", "dqn", *few, "--out", "dqn").exit_code == 0
    scored = arena("eval", "dqn", "--games", PAIR, "--episodes", 2, "--json")
    assert json.loads(scored.stdout)[0]["invalid_rate"] == 0
    refused = arena("train", GRIDLESS, "--agent", "dqn", *few)
    assert refused.exit_code == 2
    assert "shows no planes (C, H, W) to learn from; train a language agent on it instead" in refused.output


@pytest.mark.parametrize(
    ("game", "says"),
    [
        ("own/my_games.py:NO_GAME", "is a str, not a GameSpec"),
        ("own/my_games.py:MISSING", "has no 'MISSING'"),
        ("own/nothing.py:ALONE", "no such file: own/nothing.py"),
        ("own/my_games.py", "unknown game 'own/my_games.py'"),
    ],
)
def test_what_is_no_game_is_one_line(folder: Path, game: str, says: str) -> None:
    for arguments in (("eval", "random", "--games", game), ("train", game, "--agent", "nano")):
        done = arena(*arguments)
        assert done.exit_code == 2
        assert says in done.output
        assert len(done.output.strip().splitlines()) == 1
