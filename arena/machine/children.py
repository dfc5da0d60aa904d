"""Processes side by side: so many at once, each with a log of its own and, where it wants one, a GPU."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from arena.machine.hardware import gpus

TAIL_BYTES = 64 * 1024  # of a log, in which the last line is looked for
LOOK_EVERY_S = 0.2
PATIENCE_S = 5.0  # for a process that is asked to stop


@dataclass(frozen=True, slots=True)
class Child:
    """A process to be run: its command, the file for what it says, and whether it wants a GPU to itself."""

    name: str
    command: tuple[str, ...]
    log: Path
    on_card: bool = False


class Watcher(Protocol):
    """Told how the processes proceed."""

    def started(self, name: str) -> None: ...

    def look(self) -> None:
        """Called a few times a second."""

    def ended(self, name: str, error: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    card: str | None


def run_children(
    children: Sequence[Child], *, at_once: int, threads: int, watcher: Watcher
) -> dict[str, str]:
    """Run them in order, `at_once` side by side with so many `threads` each; returns what went wrong.

    Where there are GPUs, those that want one wait for one of their own. All are stopped if this is.
    """
    waiting, errors = list(children), {}
    cards = device_names()
    free = list(cards)
    with _stopped_on_exit() as running:
        while waiting or running:
            while len(running) < at_once and (child := _next(waiting, free, on_cards=bool(cards))):
                waiting.remove(child)
                card = free.pop(0) if cards and child.on_card else None
                running.append(_start(child, threads, card))
                watcher.started(child.name)
            time.sleep(LOOK_EVERY_S)
            watcher.look()
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                free += [one.card] if one.card is not None else []
                error = _error(one)
                watcher.ended(one.child.name, error)
                if error is not None:
                    errors[one.child.name] = error
    return errors


def device_names() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` would name each."""
    count, asked = len(gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")
    names = map(str, range(count)) if asked is None else map(str.strip, asked.split(","))
    return list(names)[:count]


def last_line(path: Path) -> str | None:
    """What a log ends with, if it says anything."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        lines = file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), None)


def _next(waiting: Sequence[Child], free: Sequence[str], *, on_cards: bool) -> Child | None:
    """The first that can start now."""
    return next((child for child in waiting if free or not on_cards or not child.on_card), None)


def _start(child: Child, threads: int, card: str | None) -> _Running:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
    if card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = card
    with child.log.open("ab") as log:
        process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    return _Running(child, process, card)


def _error(one: _Running) -> str | None:
    status = one.process.returncode
    if status == 0:
        return None
    return last_line(one.child.log) or f"ended with status {status} and said nothing"


@contextmanager
def _stopped_on_exit() -> Iterator[list[_Running]]:
    """A list of processes; those that are left in it when the block ends are stopped."""
    running: list[_Running] = []
    try:
        yield running
    finally:
        for one in running:
            one.process.terminate()
        for one in running:
            try:
                one.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
