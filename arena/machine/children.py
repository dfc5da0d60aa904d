"""Processes side by side: so many at once, each with a log of its own and, where it wants one, a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from arena.machine.hardware import gpus
from arena.machine.parent import for_a_child
from arena.untrusted import one_line
from arena_agents.files import check_own, open_regular

TAIL_BYTES = 64 * 1024  # of a log, in which the last line is looked for
LOOK_EVERY_S = 0.2
PATIENCE_S = 5.0  # for a process that is asked to stop


Work = TypeVar("Work", bound=Hashable)
Told = TypeVar("Told", bound=Hashable, contravariant=True)


@dataclass(frozen=True, slots=True)
class Child(Generic[Work]):
    """A process to be run for some work: its command, the file for what it says, and whether it wants a
    GPU to itself.

    It has failed where it ends otherwise than with status 0, or the work is not `done` then.
    """

    work: Work
    command: tuple[str, ...]
    log: Path
    on_card: bool = False
    done: Callable[[], bool] = lambda: True


class Watcher(Protocol[Told]):
    """Told how the works proceed."""

    def started(self, work: Told, /) -> None: ...

    def look(self) -> None:
        """Called a few times a second."""

    def ended(self, work: Told, error: str | None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class _Running(Generic[Work]):
    child: Child[Work]
    process: subprocess.Popen[bytes]
    card: str | None


def run_children(
    children: Sequence[Child[Work]], *, at_once: int, threads: int, watcher: Watcher[Work]
) -> dict[Work, str]:
    """Run them in order, `at_once` side by side with so many `threads` each; returns what went wrong.

    What goes wrong is told by the log's last line. Where there are GPUs, those that want one wait for one of
    their own. All are stopped if this is. Raises UsageError where a log's path leads elsewhere.
    """
    waiting = list(children)
    errors: dict[Work, str] = {}
    cards = device_names()
    free = list(cards)
    running: list[_Running[Work]] = []
    with _stopped_on_exit(running):
        while waiting or running:
            while len(running) < at_once and (child := _next(waiting, free, on_cards=bool(cards))):
                waiting.remove(child)
                card = free.pop(0) if cards and child.on_card else None
                running.append(_start(child, threads, card))
                watcher.started(child.work)
            time.sleep(LOOK_EVERY_S)
            watcher.look()
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                free += [one.card] if one.card is not None else []
                error = _error(one)
                watcher.ended(one.child.work, error)
                if error is not None:
                    errors[one.child.work] = error
    return errors


def import_path() -> str:
    """`PYTHONPATH` with which another Python finds the modules that this one finds."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


def device_names() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` would name each."""
    count, asked = len(gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")
    names = map(str, range(count)) if asked is None else map(str.strip, asked.split(","))
    return list(names)[:count]


def last_line(path: Path) -> str | None:
    """What a log ends with, if it says anything."""
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        lines = file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), None)


def _next(waiting: Sequence[Child[Work]], free: Sequence[str], *, on_cards: bool) -> Child[Work] | None:
    """The first that can start now."""
    return next((child for child in waiting if free or not on_cards or not child.on_card), None)


def _start(child: Child[Work], threads: int, card: str | None) -> _Running[Work]:
    child.log.parent.mkdir(parents=True, exist_ok=True)
    check_own(child.log)
    environment = for_a_child(os.environ) | {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
    if card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = card
    with child.log.open("ab") as log:
        process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    return _Running(child, process, card)


def _error(one: _Running[Work]) -> str | None:
    status = one.process.returncode
    if status == 0 and one.child.done():
        return None
    said = last_line(one.child.log)
    return one_line(said.removeprefix("arena: ")) if said else f"ended with status {status} and said nothing"


@contextmanager
def _stopped_on_exit(running: Sequence[_Running[Work]]) -> Iterator[None]:
    """Those that are left in the list when the block ends are stopped."""
    try:
        yield
    finally:
        for one in running:
            one.process.terminate()
        for one in running:
            try:
                one.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
