"""Durable files: the one place where the arena writes.

What is replaced here is made beside its place, under NAME.new, brought to the disk, and moved there in
one step: whatever kills the process or cuts the power, a reader finds the old or the new, whole. A folder
cannot be moved onto another in one step; `mend_folder` puts back the old one where a kill fell between.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from arena_agents.files import check_own
from arena_games.base import UsageError

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LOCK_NAME = ".lock"
LOCK_PATIENCE_S = 2.0  # the time a killed run may need to let go
# How libraries in Rust (safetensors, tokenizers) spell an error of the system in another exception.
_RUST_ERROR = re.compile(r"\(os error (\d+)\)")


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step. Raises UsageError where anything else than a file is in its place."""
    _write_parts(path, [content])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Replace a text file in one step by lines as they come; what raises while they do leaves the old one."""
    _write_parts(path, (f"{line}\n".encode() for line in lines))


def _write_parts(path: Path, parts: Iterable[bytes]) -> None:
    check_own(path)
    fresh = _beside(path, "new")
    fresh.unlink(missing_ok=True)  # a link there would be written through
    try:
        with _system_errors(path), fresh.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    write_bytes(path, text.encode("utf-8"))


def write_output(path: Path, text: str) -> None:
    """Write where the user says: a file is replaced in one step, a device or a FIFO is written into.

    A link is followed, to the file that is then replaced.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
    else:
        write_text(target, text)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def append_line(path: Path, line: str) -> None:
    """Add a line. It may be lost until `sync`; of a line cut by a kill the end (the newline) is missing."""
    check_own(path)
    with _system_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def sync(path: Path) -> None:
    """Bring a file, or the list of what lies in a folder, to the disk."""
    if path.is_dir() and sys.platform == "win32":
        return  # folders cannot be opened there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_in_place(fresh: Path, target: Path) -> None:
    """Move a finished file onto `target`, or a finished folder to where none is, for good."""
    with _system_errors(target):
        os.replace(fresh, target)
        sync(target.parent)


def replace_folder(target: Path, write: Callable[[Path], None]) -> Path:
    """Put a folder that `write` fills in the place of the one that is there, if any."""
    mend_folder(target)
    fresh, old = _beside(target, "new"), _beside(target, "old")
    try:
        fresh.mkdir(parents=True)
        with _system_errors(target):
            write(fresh)
            _sync_all(fresh)
        if target.exists():
            os.replace(target, old)
        put_in_place(fresh, target)
    except BaseException:
        with suppress(OSError):
            mend_folder(target)  # the room that the new one takes is what may be wanting
        raise
    shutil.rmtree(old, ignore_errors=True)
    return target


def remove_folder(target: Path) -> None:
    """Remove a folder so that it is whole or gone, whenever the process is killed."""
    gone = _beside(target, "gone")
    shutil.rmtree(gone, ignore_errors=True)
    if target.exists():
        os.replace(target, gone)
        sync(target.parent)
        shutil.rmtree(gone, ignore_errors=True)


def mend_folder(target: Path) -> None:
    """Clear up after a replacement or a removal that was killed.

    The old folder comes back where there is no new one, but for one that was being removed.
    """
    fresh, old, gone = (_beside(target, ending) for ending in ("new", "old", "gone"))
    if old.is_dir() and not target.exists():
        put_in_place(old, target)
    for leftover in (fresh, old, gone):
        if leftover.exists():
            shutil.rmtree(leftover)


def lock_folder(folder: Path, doing: str) -> BaseFileLock:
    """Hold a run's folder until the lock is released or the process ends, however it ends.

    Raises UsageError if another process holds it, after a moment of patience; `doing` says what that one
    does: `playing`, `training in`.
    """
    check_own(folder / LOCK_NAME)
    lock = FileLock(folder / LOCK_NAME, timeout=LOCK_PATIENCE_S, poll_interval=0.1, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another process is {doing} {folder}; wait for it, or choose another --out"
        ) from None
    return lock


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _sync_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent) / name)
        sync(Path(parent))


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """Errors of the system as OSError with a file's name, whoever met them."""
    try:
        yield
    except OSError as error:
        with suppress(AttributeError):  # some subclasses have no place for it
            error.filename = error.filename or str(path)
        raise
    except Exception as error:
        found = _RUST_ERROR.search(str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from error
