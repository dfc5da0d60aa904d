"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.torch import save_file

from arena.machine.environment import git_revision
from arena.machine.files import (
    append_line,
    lock_folder,
    mend_folder,
    remove_folder,
    replace_folder,
    write_json,
    write_text,
)
from arena.record.seals import broken_file_seal, file_seal, seal_file
from arena_games.base import UsageError


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may become longer than a hundred bytes; not a fixture: pytest's own output may be a file."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@full_disk()
def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(OSError, match=r"a\.txt") as caught:
        write_text(path, "new" * 100)
    assert caught.value.errno == errno.EFBIG
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_is_in_place_was_synced_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        happened.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        fsync(handle)

    def replaced(source: Path, target: Path) -> None:
        happened.append(f"move {Path(source).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_json(tmp_path / "a.json", {})
    assert happened == ["sync a.json.new", "move a.json.new", f"sync {tmp_path.name}"]
    happened.clear()
    replace_folder(tmp_path / "best", lambda folder: write_plain(folder / "x"))
    assert happened == ["sync x", "sync best.new", "move best.new", f"sync {tmp_path.name}"]


def write_plain(path: Path, text: str = "x") -> None:
    path.write_text(text)


def test_a_folder_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    target = tmp_path / "best"
    replace_folder(target, lambda folder: write_plain(folder / "old"))

    def fails(folder: Path) -> None:
        write_plain(folder / "new")
        raise KeyError("half-way")

    with pytest.raises(KeyError):
        replace_folder(target, fails)
    assert names(target) == ["old"]
    replace_folder(target, lambda folder: write_plain(folder / "new"))
    assert names(target) == ["new"]
    assert names(tmp_path) == ["best"]


@pytest.mark.parametrize(
    ("there", "left"),
    [
        (("best.old", "best.new"), "best.old"),  # between the two renames
        (("best", "best.old"), "best"),  # before the old one was removed
        (("best", "best.new"), "best"),  # while the new one was written
        (("best.new",), None),
        (("best",), "best"),
        ((), None),
    ],
)
def test_a_folder_that_a_kill_left_half_replaced_is_mended(
    tmp_path: Path, there: tuple[str, ...], left: str | None
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
        write_plain(tmp_path / name / "which", name)
    mend_folder(tmp_path / "best")
    assert names(tmp_path) == (["best"] if left else [])
    assert not left or (tmp_path / "best" / "which").read_text() == left


@full_disk()
def test_an_error_in_rust_is_one_of_the_system(tmp_path: Path) -> None:
    import torch

    tensors = {"a": torch.zeros(1000)}
    with pytest.raises(OSError, match="best") as caught:
        replace_folder(tmp_path / "best", lambda folder: save_file(tensors, folder / "a.safetensors"))
    assert caught.value.errno == errno.EFBIG
    assert names(tmp_path) == []


@full_disk()
def test_a_line_that_finds_no_room_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_line(path, "a" * 50)
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        append_line(path, "b" * 100)


@full_disk()
def test_no_empty_seal_is_left_on_a_full_disk_and_an_empty_one_seals_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run.sqlite"
    run.write_bytes(b"run")
    seal_file(run)  # 141 bytes: there is no room
    assert names(tmp_path) == ["run.sqlite"]
    file_seal(run).write_bytes(b"")  # as earlier versions left it
    assert not broken_file_seal(run)


def test_an_empty_seal_is_written_again(tmp_path: Path) -> None:
    run = tmp_path / "run.sqlite"
    run.write_bytes(b"run")
    file_seal(run).write_bytes(b"")
    seal_file(run)
    assert not broken_file_seal(run)
    run.write_bytes(b"ruN")
    assert broken_file_seal(run)


def test_a_folder_is_held_by_one_process_until_it_dies(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from arena.machine.files import lock_folder; "
        "lock = lock_folder(pathlib.Path(sys.argv[1]), 'playing'); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(UsageError, match=f"another process is training in {tmp_path}"):
        lock_folder(tmp_path, "training in")
    other.kill()
    other.wait()
    other.stdout.close()
    lock_folder(tmp_path, "training in").release()


# Not a file's, but of the same kind: what is recorded is ours.


def git(folder: Path, *command: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def test_the_revision_is_not_that_of_the_users_repository(tmp_path: Path) -> None:
    installed = tmp_path / ".venv" / "lib" / "arena" / "machine" / "environment.py"
    installed.parent.mkdir(parents=True)
    write_plain(installed)
    assert git_revision(installed) is None
    git(tmp_path, "init")
    write_plain(tmp_path / "mine.txt")
    git(tmp_path, "add", "mine.txt")
    git(tmp_path, "commit", "-m", "mine")
    assert git_revision(installed) is None
    assert git_revision(tmp_path / "mine.txt") is not None


def test_a_folder_is_whole_or_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "best"
    target.mkdir()
    write_plain(target / "x")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_folder(target)
    monkeypatch.undo()
    assert names(tmp_path) == ["best.gone"]
    assert (tmp_path / "best.gone" / "x").exists()
    mend_folder(target)
    assert names(tmp_path) == []
    remove_folder(target)  # none there
    assert names(tmp_path) == []
