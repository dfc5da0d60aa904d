"""Several processes of this machine that play side by side (`--workers`)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from arena.machine.children import device_names, import_path
from arena.machine.hardware import cores
from arena.machine.parent import for_a_child
from arena.match.match import Match
from arena.tournament.executor.base import Played
from arena.tournament.executor.chunks import LineUp, Supply, line_up
from arena.tournament.executor.feed import to_wire
from arena.tournament.executor.task import Task
from arena_games.base import UsageError

PATIENCE_S = 5.0  # for a worker that is no longer listened to
MOST_DEATHS = 3  # of each worker, on average, without a single match finished between them


class Workers:
    """An `Executor` of `count` processes, started when the first match comes. One that dies is replaced."""

    def __init__(self, task: Task, count: int) -> None:
        self._task, self._count = task, count
        self._workers: list[_Worker] = []
        self._deaths = 0  # since a match was finished

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played]:
        supply = Supply(matches, count, self._count)
        try:
            while self._give_out(supply):
                for connection in wait([worker.connection for worker in self._workers]):
                    yield from self._heard(connection, supply)
        finally:
            if any(worker.unfinished for worker in self._workers):
                self.close()  # nobody listens any more: what is left would be taken for other matches'

    def _heard(self, connection: object, supply: Supply) -> Iterator[Played]:
        """What one worker has to tell, if it is not gone."""
        worker = next(worker for worker in self._workers if worker.connection is connection)
        try:
            one = worker.receive()
        except (EOFError, OSError):
            self._bury(worker, supply)
            return
        self._deaths = 0
        yield one

    def close(self) -> None:
        """End all workers; what they have not finished is lost."""
        for worker in self._workers:
            worker.let_go()
        for worker in self._workers:
            worker.ended()
        self._workers.clear()

    def _give_out(self, supply: Supply) -> bool:
        """Hand chunks to workers that are about to run dry; whether anything is being played."""
        gave = True
        while gave:
            gave = False
            for number in range(self._count):
                gave |= self._feed(number, supply)
        return any(worker.unfinished for worker in self._workers)

    def _feed(self, number: int, supply: Supply) -> bool:
        """Give one chunk to a worker with room for it, which is started if need be; whether there was one."""
        idle = number >= len(self._workers)
        if not idle and not self._workers[number].hungry(self._task.config.concurrency):
            return False
        others = [worker.last for place, worker in enumerate(self._workers) if place != number]
        chunk = supply.next_for(None if idle else self._workers[number].last, others)
        if chunk is None:
            return False
        if idle:
            self._workers.append(_Worker(self._task, number, self._count))
        try:
            self._workers[number].give(chunk)
        except OSError:
            self._bury(self._workers[number], supply)
        return True

    def _bury(self, worker: _Worker, supply: Supply) -> None:
        """Put another in the place of a worker that is gone; its matches are to be given out again."""
        self._deaths += 1
        worker.let_go()
        status = worker.ended()
        supply.give_back(worker.unfinished.values())
        if self._deaths > MOST_DEATHS * self._count:
            raise UsageError(
                f"{self._deaths} workers in a row have ended ({status}) before they finished a match; "
                "see what they printed and how much memory is free, or repeat with --workers 1"
            )
        place = self._workers.index(worker)
        self._workers[place] = _Worker(self._task, place, self._count)


class _Worker:
    """One process, what it was given and has not finished, and the line-up that it was given last."""

    def __init__(self, task: Task, number: int, count: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "arena.tournament.executor.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_descriptor(sys.stderr) else subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is for us
                env=_environment(number, count),
            )
        self.connection = Connection(ours.detach())
        self.unfinished: dict[str, Match] = {}
        self.last: LineUp | None = None
        logs = task.sandbox.logs
        own = replace(task.sandbox, logs=logs and logs.absolute() / f"worker-{number + 1}")
        with suppress(OSError):  # that it is gone is found when it is to be heard
            self.connection.send(replace(task, sandbox=own))

    def hungry(self, concurrency: int) -> bool:
        """Whether it should get more, so as not to run dry."""
        return len(self.unfinished) <= concurrency // 2

    def give(self, chunk: list[Match]) -> None:
        """Hand over a chunk. Raises OSError if it is gone."""
        self.unfinished.update((match.id, match) for match in chunk)
        self.last = line_up(chunk[0])
        self.connection.send(to_wire(chunk))

    def receive(self) -> Played:
        """The next match that it has finished. Raises EOFError if it is gone, and what it failed with."""
        one = self.connection.recv()
        if isinstance(one, Exception):
            raise one
        assert isinstance(one, Played)
        del self.unfinished[one.episode.id]
        return one

    def let_go(self) -> None:
        """Have it end: by itself if it has finished all that it was given."""
        self.connection.close()
        if self.unfinished:
            self._process.terminate()

    def ended(self) -> str:
        """Wait until it has ended, and say how."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_S)
        self._process.kill()
        code = self._process.wait()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _environment(number: int, count: int) -> dict[str, str]:
    """A worker finds the modules that we find; it has its share of the cores, and one of the GPUs."""
    environment = for_a_child(os.environ) | {"PYTHONPATH": import_path()}
    environment.setdefault("OMP_NUM_THREADS", str(max(1, cores() // count)))
    cards = device_names()
    if cards and count > 1:
        environment["CUDA_VISIBLE_DEVICES"] = cards[number % len(cards)]
    return environment


def _has_descriptor(stream: object) -> bool:
    try:
        return stream.fileno() >= 0  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError):  # a notebook's, or a test's
        return False
