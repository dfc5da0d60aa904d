"""Devices, FIFOs, sockets, links and endless definitions in the place of files hang nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.record.store import FILE_NAME, Store
from arena.training.run_folder import RunFolder
from arena.training.start import train
from arena_agents.files import open_regular, read_text
from arena_agents.nano import MODEL_DIR
from arena_agents.random import RandomAgent
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from tests.arena.views.report_runs import fill


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def line(done: Result) -> str:
    assert done.exit_code == 2, done.output
    (said,) = done.stderr.splitlines()
    return said


@pytest.fixture
def run(tmp_path: Path) -> Path:
    fill(tmp_path / "run", ["frozen-lake"], {"a": RandomAgent(), "b": RandomAgent()}, 2)
    return tmp_path / "run"


def devices(path: Path) -> Iterator[Callable[[], object]]:
    """Ways to put what is no file in the place of one."""
    yield lambda: os.mkfifo(path)
    yield lambda: path.symlink_to("/dev/zero")
    yield lambda: path.mkdir()

    def listening() -> None:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))

    if len(str(path)) < 100:
        yield listening


def replaced(path: Path, ways: int | None = None) -> Iterator[None]:
    """The first so many ways, one after the other, each of them undone."""
    for make in islice(devices(path), ways):
        kept = path.with_name(path.name + ".kept")
        if path.exists():
            path.rename(kept)
        make()
        try:
            yield
        finally:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            if kept.exists():
                kept.rename(path)


def test_no_device_is_read_in_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in replaced(path):
        with pytest.raises((UsageError, OSError)):
            open_regular(path)
        with pytest.raises(UsageError, match="file"):
            read_text(path)


def test_a_file_beyond_its_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)  # which takes no room
    with pytest.raises(UsageError, match=r"large is of 1,099,511,627,776 bytes, and at most"):
        read_text(tmp_path / "large")


@pytest.fixture(scope="module")
def dqn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bounds") / "dqn"
    small = {"episodes": 4, "updates": 1, "eval_episodes": 2, "hidden": 8, "capacity": 50}
    return train("frozen-lake", "dqn", out=out, steps=1, settings=small)


OF_A_TRAINING = {
    "metrics.jsonl": (("curves",), ("train", "--resume")),
    "config.json": (("curves",), ("list", "runs"), ("train", "--resume")),
    "last/model.safetensors": (("eval", "--games", "frozen-lake", "--episodes", "1"),),
    "last/agent.json": (("eval", "--games", "frozen-lake", "--episodes", "1"), ("export",)),
    ".lock": (("train", "--resume"),),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OF_A_TRAINING)
def test_no_command_hangs_in_a_training_of_devices(dqn: Path, name: str) -> None:
    for _ in replaced(dqn / name, ways=2):
        for command in OF_A_TRAINING[name]:
            done = arena(*command, dqn / "last" if name.startswith("last") else dqn)
            assert done.exit_code in (0, 2), (command, done.output, done.exception)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ending", ["", "-journal", "-wal", ".b2"])
def test_no_command_hangs_in_a_tournament_of_devices(run: Path, ending: str) -> None:
    for _ in replaced(run / f"{FILE_NAME}{ending}", ways=2):
        for command in (
            ("leaderboard", run),
            ("report", run),
            ("verify", run),
            ("replay", run),
            ("list", "runs", run),
        ):
            done = arena(*command)
            assert done.exit_code in (0, 1, 2), (command, done.output, done.exception)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors", "adapter.json"])
def test_a_model_folder_of_devices_is_refused(tmp_path: Path, name: str) -> None:
    shutil.copytree(MODEL_DIR, tmp_path / "model")
    for _ in replaced(tmp_path / "model" / name, ways=2):
        with pytest.raises(UsageError, match=f"{name} is no regular file"):
            make_agent(f"hf:{tmp_path / 'model'}")


ENDLESS = """
CREATE VIEW usages AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
SELECT n AS episode, 0 AS position, 0 AS seat, 1 AS prompt_tokens, 1 AS completion_tokens,
1 AS reasoning_tokens, 1.0 AS cost, 0 AS retries, 'stop' AS finish, NULL AS reasoning FROM r
"""


def changed(run: Path, *statements: str) -> None:
    with closing(sqlite3.connect(run / FILE_NAME)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.timeout(300)
def test_a_view_that_never_ends_is_not_read(run: Path) -> None:
    changed(run, "DROP TABLE usages", ENDLESS)
    for command in ("leaderboard", "report"):
        assert "not authorized" in line(arena(command, run))
    verified = arena("verify", run)
    assert verified.exit_code == 1
    assert "the definition of 'usages' is not as it was made" in verified.stdout


def test_a_tournament_does_not_go_on_with_foreign_triggers(run: Path) -> None:
    changed(run, "CREATE TRIGGER t AFTER INSERT ON episodes BEGIN UPDATE episodes SET returns = '[9]'; END")
    with Store.read(run) as store, pytest.raises(UsageError, match="definitions that are not a run's: 't'"):
        Store.open(run, store.meta("config"), {})


@pytest.mark.timeout(300)
def test_ctrl_c_ends_a_statement_that_takes_long(run: Path) -> None:
    with Store.read(run) as store:
        slow = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
        store._connection.set_authorizer(None)

        def interrupted() -> None:  # all of it: outside of it the signal would end all tests
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            list(store._select(slow))

        with pytest.raises(KeyboardInterrupt):
            interrupted()


def test_a_value_in_a_run_file_is_bounded(run: Path) -> None:
    changed(run, "UPDATE episodes SET detail = zeroblob(400000000) WHERE number = 1")
    assert "too big" in line(arena("leaderboard", run))


def test_runs_are_listed_whatever_their_names(
    dqn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir(os.fsencode(tmp_path) + b"/na\xffme")
    shutil.copytree(dqn, os.fsdecode(os.fsencode(tmp_path) + b"/na\xffme/run"))
    for folder in ("", ".", tmp_path):
        listed = arena("list", "runs", folder)
        assert listed.exit_code == 0, listed.output
        assert "dqn on frozen-lake" in listed.stdout.replace("\n", " ")
    assert RunFolder.open(dqn).config()["game"] == "frozen-lake"
