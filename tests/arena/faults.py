"""Faults at a chosen write below a folder: the process dies before it or half-way in it, or the disk is full.

Every opening of a file to be written, every rename, removal and new folder raises an audit event in Python;
SQLite tells of its commits by its trace. What is written half-way is cut by the kernel, whoever writes
(Python, Rust, SQLite): by the limit on the size of files (RLIMIT_FSIZE), which either kills or fails like a
full disk.

A child is forked by a server that has imported what is needed but has computed nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from arena.cli.errors import explain

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "arena.training.start",
        "arena.training.msgrpo.train",
        "arena.training.dqn.train",
        "arena.tournament.run",
        "transformers.models.qwen2.modeling_qwen2",
        "tests.arena.faults",
    ]
)

HALF_BYTES = 10  # that are still written
DIED, ONE_LINE, TRACEBACK = 9, 2, 1
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.mkdir": 0}  # which argument is the path


class How(StrEnum):
    """What happens at the chosen write."""

    BEFORE = "before"
    HALF = "half"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the write of this number, from 1; none happens at 0."""

    number: int = 0
    how: How = How.BEFORE


class Watched:
    """Counts the writes below a folder, and lets the fault happen."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self.folder, self.fault = str(folder), fault
        self.seen: list[tuple[str, str]] = []

    def start(self) -> None:
        """Watch from now on; the hook stays for as long as the process lives."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.addaudithook(self._event)
        connect = sqlite3.connect

        def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            connection.set_trace_callback(self._statement)
            return connection

        sqlite3.connect = traced

    def _event(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str | os.PathLike) and (args[2] or 0) & WRITES:
            self._write("open", args[0])
        elif event in CHANGES:
            self._write(event, _whole(args, CHANGES[event]))

    def _statement(self, statement: str) -> None:
        if statement.startswith("COMMIT"):
            self._write("commit", self.folder)

    def _write(self, kind: str, path: Any) -> None:
        if not os.fspath(path).startswith(self.folder) or _is_nothing(kind, path):
            return
        self.seen.append((kind, os.path.relpath(path, self.folder)))
        if len(self.seen) != self.fault.number:
            return
        if self.fault.how == How.BEFORE:
            os._exit(DIED)
        most = os.path.getsize(path) if kind == "open" and os.path.exists(path) else 0
        if kind == "commit":  # a page or two of the database still fit
            most = max(path.stat().st_size for path in Path(self.folder).rglob("run.sqlite*")) // 2
        if self.fault.how == How.HALF:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most + HALF_BYTES, resource.RLIM_INFINITY))


def _whole(args: tuple[Any, ...], which: int) -> Any:
    """The path of an event. A tree is removed by names within folders that are held open (the last one)."""
    path, held = args[which], args[-1]
    if isinstance(held, int) and held >= 0 and not os.path.isabs(path):
        return os.path.join(os.readlink(f"/proc/self/fd/{held}"), path)
    return path


def _is_nothing(kind: str, path: Any) -> bool:
    """Whether it is a folder that is there already, or the removal of what is not."""
    there = os.path.lexists(path)
    return (kind == "os.mkdir" and there) or (kind in ("os.remove", "os.rmdir") and not there)


def _child(work: Callable[[Path], None], folder: Path, fault: Fault, told: Any) -> None:
    watched = Watched(folder, fault)
    watched.start()
    status = 0
    try:
        work(folder)
    except BaseException as error:
        line = explain(error)
        status = TRACEBACK if line is None else ONE_LINE
        told.send(line or traceback.format_exc())
    else:
        told.send(watched.seen)
    os._exit(status)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child has ended: its exit status (negative: the signal), and what it told, if anything."""

    status: int
    told: Any


def run(work: Callable[[Path], None], folder: Path, fault: Fault | None = None) -> Ended:
    """Do the work on the folder in a child, with a fault or none."""
    mine, its = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_child, args=(work, folder, fault or Fault(), its))
    process.start()
    its.close()
    try:
        told = mine.recv()
    except EOFError:
        told = None
    process.join()
    return Ended(process.exitcode or 0, told)


def sweep(
    work: Callable[[Path], None], scratch: Path, check: Callable[[Path], None], *, every: int = 1
) -> int:
    """Break the work at (every so many of) its writes, each way, let it be done again, `check` what is there.

    Returns how many faults there were. A fault that is only a full disk must be told of in one line.
    """
    whole = run(work, scratch / "whole")
    assert whole.status == 0, whole.told
    faults = [Fault(number, how) for number in range(1, len(whole.told) + 1) for how in How]
    faults = [fault for fault in faults if fault.how == How.BEFORE or _is_writing(whole.told, fault)]
    for fault in faults[::every]:
        folder = scratch / f"{fault.how}-{fault.number}"
        broken = run(work, folder, fault)
        where = (fault, whole.told[fault.number - 1], broken)
        if fault.how == How.FULL:
            assert broken.status in (0, ONE_LINE), where
        else:
            assert broken.status in (0, DIED, -signal.SIGXFSZ), where
        again = run(work, folder)
        assert again.status == 0, (where, again)
        try:
            check(folder)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error
    return len(faults[::every])


def _is_writing(seen: list[tuple[str, str]], fault: Fault) -> bool:
    """Whether bytes follow: nothing is half removed or renamed."""
    return seen[fault.number - 1][0] in ("open", "os.mkdir", "commit")
