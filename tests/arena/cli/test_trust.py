"""Somebody else's folder runs nothing of theirs, publishes nothing of ours, and is not written through."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import threading
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.machine.files import write_text
from arena.study.config import Evaluation
from arena.study.worker import Job, work, write_job
from arena.training.start import train
from arena_agents.nano import MODEL_DIR
from arena_agents.registry import make_agent
from arena_games import registry
from arena_games.base import UsageError
from tests.arena.study.test_run import STUDY

HERE = Path(__file__).parents[1]
GAME = "own/my_games.py:ALONE"
NOTES = "import pathlib\npathlib.Path('ran').touch()\nfrom arena_agents.random import RandomAgent as E\n"
TINY = {"groups": 2, "group_size": 2, "eval_episodes": 2, "checkpoint_every": 1, "eval_every": 1}


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def line(done: Result) -> str:
    """The one line on stderr of a command that refuses."""
    assert done.exit_code == 2, done.output
    (said,) = done.stderr.splitlines()
    return said


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def foreign(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tournament in a game of a file's, new to this process; the file leaves a trace when it runs."""
    (folder / "own").mkdir()
    file = folder / "own" / "my_games.py"
    shutil.copy(HERE / "my_games.py", file)
    done = arena("tournament", "--games", GAME, "--agents", "random", "--matches", 2, "--out", "run")
    assert done.exit_code == 0, done.output
    file.write_text(NOTES + file.read_text().replace("from __future__ import annotations\n", ""))
    monkeypatch.setattr(registry, "_named", {})
    for name in [name for name in sys.modules if name.startswith("my_games_")]:
        monkeypatch.delitem(sys.modules, name)
    return folder / "run"


def test_verify_refuses_code_unless_it_is_trusted(foreign: Path) -> None:
    said = line(arena("verify", "run"))
    assert GAME in said
    assert "arena verify run --trust" in said
    assert not Path("ran").exists()
    assert arena("verify", "run", "--trust").exit_code == 0
    assert Path("ran").exists()


def test_report_and_replay_show_what_is_stored_and_say_how_to_run_it(foreign: Path) -> None:
    reported = arena("report", "run")
    assert reported.exit_code == 0
    assert "arena report run --trust" in reported.stderr
    shown = arena("replay", "run", 1, "--plain")
    assert shown.exit_code == 0
    assert "--trust" in shown.stdout
    assert arena("leaderboard", "run").exit_code == arena("list", "runs", ".").exit_code == 0
    assert not Path("ran").exists()
    assert "two of three tosses" not in (foreign / "report.html").read_text(encoding="utf-8")
    assert arena("report", "run", "--trust").exit_code == 0
    assert "two of three tosses" in (foreign / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    train("frozen-lake", "nano", out=out, steps=1, settings=TINY)
    return out


@pytest.fixture
def run(trained: Path, folder: Path) -> Path:
    shutil.copytree(trained, folder / "run")
    return folder / "run"


@pytest.mark.parametrize("key", ["opponents", "game", "agent"])
def test_resume_runs_no_file_that_the_config_names(run: Path, key: str) -> None:
    (run / "notes.py").write_text(NOTES)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, key: "run/notes.py:E"}))
    said = line(arena("train", "--resume", "run"))
    assert "run/notes.py:E" in said
    assert "--trust" in said
    assert not Path("ran").exists()


def test_resume_runs_what_is_trusted_or_named_again(run: Path) -> None:
    (run / "notes.py").write_text(NOTES)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "opponents": "run/notes.py:E"}))
    assert arena("train", "--resume", "run", "--trust").exit_code == 0
    assert Path("ran").exists()


@pytest.mark.parametrize("key", ["game", "agent", "anchors"])
def test_a_population_that_goes_on_runs_no_file_that_it_names(folder: Path, key: str) -> None:
    (folder / "notes.py").write_text(NOTES)
    own = ["notes.py:E"] if key == "anchors" else "notes.py:E"
    asked = {"game": "snake-duel", "agent": "nano", "opponents": "league", key: own}
    (folder / "members").mkdir()
    (folder / "league.json").write_text(json.dumps({"version": 1, "population": 2, "asked": asked}))
    said = line(arena("league", "--resume", "."))
    assert "notes.py:E, which is Python code" in said
    assert "--trust" in said
    assert not Path("ran").exists()


def test_a_study_goes_on_with_what_it_asks_for_only(folder: Path) -> None:
    (folder / "notes.py").write_text(NOTES)
    asked = {"game": "frozen-lake", "agent": "dqn", "steps": 1, "episodes": 2, "eval_episodes": 2}
    train(out=folder / "run", settings=asked)
    stored = json.loads(Path("run/config.json").read_text())
    Path("run/config.json").write_text(json.dumps(stored | {"opponents": "notes.py:E"}))
    job = Job(key="0", agent="dqn", plays=("frozen-lake",), config=stored, evaluation=Evaluation())
    (folder / "run" / "last").rename("elsewhere")
    write_job(folder, job)
    with pytest.raises(UsageError, match=r"names notes\.py:E, which is Python code"):
        work(folder)
    assert not Path("ran").exists()


def test_a_model_that_brings_code_is_refused_without_a_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MODEL_DIR, folder / "model")
    (folder / "model" / "mine.py").write_text(NOTES)
    card = folder / "model" / "config.json"
    config = json.loads(card.read_text()) | {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.E", "AutoModelForCausalLM": "mine.E"},
    }
    card.write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question was asked"))
    with pytest.raises(UsageError, match="Python code of its own, which is not run"):
        make_agent("hf:model")
    assert not Path("ran").exists()


def test_export_follows_no_link_out_of_the_folder(run: Path) -> None:
    Path("private").write_text("secret")
    (run / "best" / "notes.txt").symlink_to(Path("private").resolve())
    assert "notes.txt is a link out of its folder" in line(arena("export", "run", "-o", "out"))
    assert not Path("out").exists()


def test_export_takes_no_fifo(run: Path) -> None:
    os.mkfifo(run / "best" / "pipe")
    assert "no regular file" in line(arena("export", "run", "-o", "out"))


def test_a_read_only_run_is_exported(run: Path) -> None:
    for path in (*run.rglob("*"), run):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        done = arena("export", "run", "-o", "out")
    finally:
        for path in (run, *run.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.exit_code == 0, done.output
    assert all(path.stat().st_mode & stat.S_IWUSR for path in Path("out").rglob("*"))
    shutil.rmtree("out")  # which needs the right to


@pytest.mark.parametrize("name", ["checkpoints", "best", "metrics.jsonl", "curve.png"])
def test_training_writes_through_no_link(run: Path, name: str) -> None:
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    if (run / name).exists():
        (run / name).rename(elsewhere / name)
    (run / name).symlink_to((elsewhere / name).resolve())
    before = sorted(path.name for path in elsewhere.rglob("*"))
    assert f"run/{name} is a link out of its folder" in line(arena("train", "--resume", "run"))
    assert sorted(path.name for path in elsewhere.rglob("*")) == before


@pytest.mark.parametrize("name", ["run.sqlite", "logs", "agents"])
def test_a_tournament_writes_through_no_link(tmp_path: Path, name: str) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    run.mkdir()
    elsewhere.mkdir()
    (run / name).symlink_to(elsewhere)
    asked = ("tournament", "--games", "frozen-lake", "--agents", "random", "--matches", 1, "--out", run)
    assert f"run/{name} is a link out of its folder" in line(arena(*asked))
    assert list(elsewhere.iterdir()) == []


def test_neither_a_league_nor_a_study_does(folder: Path) -> None:
    asked = {"game": "snake-duel", "agent": "nano", "opponents": "league"}
    for run, name in (("league", "members"), ("study", "cells")):
        Path(run).mkdir()
        Path(f"elsewhere/{name}").mkdir(parents=True)
        Path(run, name).symlink_to(Path("elsewhere", name).resolve())
    Path("league/league.json").write_text(json.dumps({"version": 1, "population": 2, "asked": asked}))
    Path("small.toml").write_text(STUDY)
    assert "league/members is a link out of its folder" in line(arena("league", "--resume", "league"))
    studied = arena("study", "small.toml", "--out", "study")
    assert "study/cells is a link out of its folder" in studied.stderr.splitlines()[-1]
    assert not [path for path in Path("elsewhere").rglob("*") if path.is_file()]


def test_outputs_replace_regular_files_only(foreign: Path) -> None:
    page = Path("page.html")
    os.mkfifo(page)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(page.read_text(encoding="utf-8")))
    reader.start()
    assert arena("report", "run", "-o", page).exit_code == 0
    reader.join(120)
    assert "<!doctype html>" in read[0].lower()
    assert stat.S_ISFIFO(page.stat().st_mode)
    Path("null").symlink_to("/dev/null")
    for device in ("null", "/dev/null"):
        assert arena("report", "run", "-o", device).exit_code == 0
    assert Path("null").is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    Path("link.html").symlink_to("there.html")
    Path("there.html").touch()
    assert arena("report", "run", "-o", "link.html").exit_code == 0
    assert Path("link.html").is_symlink()
    assert Path("there.html").stat().st_size


def test_a_page_in_the_run_is_not_written_through_a_link(foreign: Path) -> None:
    Path("mine.html").write_text("mine")
    (foreign / "report.html").symlink_to(Path("mine.html").resolve())
    reported = arena("report", "run")
    assert reported.exit_code == 2
    assert "report.html is a link" in reported.stderr.splitlines()[-1]
    assert Path("mine.html").read_text() == "mine"


def test_a_link_beside_a_file_that_is_replaced_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    (tmp_path / "a.json.new").symlink_to(tmp_path / "private")
    write_text(tmp_path / "a.json", "new")
    assert (tmp_path / "private").read_text() == "mine"
    assert (tmp_path / "a.json").read_text() == "new"
