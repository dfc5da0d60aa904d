"""A Ray cluster that plays (`--ray`), from a process between: what Ray does to that is one line here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from arena.machine.children import import_path
from arena.machine.parent import for_a_child
from arena.match.match import Match
from arena.tournament.executor.base import Played
from arena.tournament.executor.chunks import LARGEST, chunks
from arena.tournament.executor.feed import to_wire
from arena.tournament.executor.orders import Orders, Say
from arena.tournament.executor.task import Task
from arena_agents.files import check_own
from arena_games.base import UsageError

SILENCE_S = 300.0  # of the process between, which says every few seconds that it is there
PATIENCE_S = 30.0  # for its end, which ends a cluster that it has started
LOG = "ray.log"


class OnRay:
    """An `Executor` on the cluster at `address`, or one that is started on this machine for `local`.

    `count` actors play; None: as many as the cluster has cores, or GPUs where `gpu` says that each needs one.
    Raises UsageError where Ray is not installed, there is no such cluster, or it goes away.
    """

    def __init__(self, task: Task, address: str, count: int | None = None, *, gpu: bool = False) -> None:
        self._address, self._playing = address, False
        self._log = task.sandbox.logs and task.sandbox.logs.absolute() / LOG
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _started(theirs.fileno(), self._log)
        self._connection = Connection(ours.detach())
        try:
            self._send(Orders(task, address, count, gpu))
            self._receive()
        except BaseException:
            self.close()
            raise

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played]:
        pieces = chunks(matches, LARGEST)
        self._playing = True
        self._send(count)
        try:
            while (said := self._receive()) is not Say.DONE:
                if said is Say.MORE:
                    chunk = next(pieces, None)
                    self._send(chunk and to_wire(chunk))
                elif isinstance(said, Played):
                    yield said
            self._playing = False
        finally:
            if self._playing:
                self.close()  # nobody listens any more: what is left would be taken for other matches'

    def close(self) -> None:
        """Let the cluster go, and end the one that was started for this."""
        self._connection.close()
        if self._playing:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_S)
        self._process.kill()
        self._process.wait()

    def _send(self, what: Any) -> None:
        try:
            self._connection.send(what)
        except OSError:
            raise self._gone() from None

    def _receive(self) -> Any:
        """What it says next. Raises what it failed with, and UsageError if it is gone."""
        try:
            if not self._connection.poll(SILENCE_S):
                raise EOFError
            said = self._connection.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        if isinstance(said, Exception):
            raise said
        return said

    def _gone(self) -> UsageError:
        where = f" (see {self._log})" if self._log else ""
        return UsageError(
            f"the Ray cluster at {self._address} is gone, or Ray has failed{where}; "
            "what was played is stored: repeat the command to go on, once it is there again, or without --ray"
        )


def _started(descriptor: int, log: Path | None) -> subprocess.Popen[bytes]:
    """The process between. Ray prints a lot when a cluster goes, which is kept out of the progress bars."""
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        check_own(log)
    with open(log or os.devnull, "ab") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "arena.tournament.executor.driver", str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=[descriptor],
            process_group=0,  # Ctrl-C is for us
            env=for_a_child(os.environ) | {"PYTHONPATH": import_path()},
        )
