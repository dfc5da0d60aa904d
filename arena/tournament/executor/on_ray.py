"""A Ray cluster that plays (`--ray`): an actor for each worker, one chunk of matches a call.

Ray places the actors by what they need: a core each, and a GPU where a language model plays in them and
the cluster has some. Task and agents are named, not sent, so the package, the files that agents' specs
name and the run's folder of trained policies must be found on every machine under the same paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from arena.match.match import Match
from arena.tournament.agents import Agents
from arena.tournament.executor.base import Played, played
from arena.tournament.executor.chunks import LineUp, Supply, line_up
from arena.tournament.executor.feed import Feed, Wire, to_wire
from arena.tournament.executor.task import Task
from arena_games.base import UsageError

AT_ONCE = 2  # chunks of an actor: one that it plays and one that waits for it
MOST_DEATHS = 3  # of each actor, on average, without a chunk finished between them
LOCAL = "local"


class Player:
    """What an actor is made from: it keeps its agents between chunks."""

    def __init__(self, task: Task, folder: str) -> None:
        with suppress(OSError):  # specs may name files; where this folder is not, they name installed ones
            os.chdir(folder)
        self._task, self._tournament = task, task.tournament()
        self._agents = Agents(self._tournament, task.engine, task.sandbox)

    def play(self, wire: Wire) -> list[Played]:
        """Play one chunk."""
        chunk = iter([wire])

        def receive(wait: bool) -> Wire | None:
            one = next(chunk, None)
            if one is None and wait:
                raise EOFError
            return one

        feed = Feed({spec.name: spec for spec in self._tournament.games}, receive)
        spec = feed.game()
        if spec is None:
            return []
        return list(played(spec, feed.of_game(spec), self._agents.of_game(spec), self._task.config))

    def process(self) -> int:
        """The number of its process, which may be killed to see what comes of it."""
        return os.getpid()


class OnRay:
    """An `Executor` on the cluster at `address`, or one that is started on this machine for `local`.

    `count` actors play; None: as many as the cluster has cores, or GPUs where `gpu` says that each needs one.
    Raises UsageError where Ray is not installed or there is no such cluster.
    """

    def __init__(self, task: Task, address: str, count: int | None = None, *, gpu: bool = False) -> None:
        try:
            self._ray: Any = import_module("ray")
        except ImportError as error:
            raise UsageError("--ray needs the package ray; pip install 'tmsg-arena[ray]'") from error
        self._task = task
        self._connect(address)
        resources = self._ray.cluster_resources()
        self._gpus = 1 if gpu and resources.get("GPU", 0) >= 1 else 0
        self._count = count or max(1, int(resources.get("GPU" if self._gpus else "CPU", 1)))
        self._actors: list[Any] = []
        self._given: dict[Any, tuple[Any, list[Match]]] = {}  # by the promise: who plays, and what
        self._last: list[LineUp | None] = []
        self._deaths = 0

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played]:
        supply = Supply(matches, count, self._count)
        try:
            while self._give_out(supply):
                (promise,), _ = self._ray.wait(list(self._given), num_returns=1)
                yield from self._heard(promise, supply)
        finally:
            if self._given:
                self.close()

    def close(self) -> None:
        """Let the cluster go, and end the one that was started for this."""
        self._given.clear()
        self._actors.clear()
        self._ray.shutdown()

    def _connect(self, address: str) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        where = {"include_dashboard": False} if address == LOCAL else {"address": address}
        try:
            environment = {"env_vars": {"PYTHONPATH": path}}
            self._ray.init(runtime_env=environment, log_to_driver=False, logging_level="error", **where)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"there is no Ray cluster at {address} ({error}); start one with ray start --head"
            ) from error

    def _give_out(self, supply: Supply) -> bool:
        """Two chunks to every actor, as long as there are any; whether something is being played."""
        for _ in range(AT_ONCE):
            for place in range(self._count):
                own = self._actors[place] if place < len(self._actors) else None
                if sum(actor is own for actor, _ in self._given.values()) < AT_ONCE:
                    self._feed(place, supply)
        return bool(self._given)

    def _feed(self, place: int, supply: Supply) -> None:
        missing = place >= len(self._actors)
        others = [last for number, last in enumerate(self._last) if number != place]
        chunk = supply.next_for(None if missing else self._last[place], others)
        if chunk is None:
            return
        if missing:
            place = len(self._actors)
            self._actors.append(self._actor(place))
            self._last.append(None)
        self._last[place] = line_up(chunk[0])
        actor = self._actors[place]
        self._given[actor.play.remote(to_wire(chunk))] = (actor, chunk)

    def _heard(self, promise: Any, supply: Supply) -> Iterator[Played]:
        """What a chunk came to; that of an actor that is gone is given out again."""
        actor, chunk = self._given.pop(promise)
        try:
            found = self._ray.get(promise)
        except self._ray.exceptions.RayTaskError as error:  # raised by what played
            raise error.cause if isinstance(error.cause, UsageError) else error from None
        except self._ray.exceptions.RayError as error:  # a worker or its machine is gone
            supply.give_back(chunk)
            self._bury(actor, error)
            return
        self._deaths = 0
        yield from found

    def _bury(self, actor: Any, error: Exception) -> None:
        """Put another in the place of an actor that is gone, unless its other chunk has told so before."""
        place = next((place for place, known in enumerate(self._actors) if known is actor), None)
        if place is None:
            return
        self._deaths += 1
        if self._deaths > MOST_DEATHS * self._count:
            raise UsageError(
                f"{self._deaths} actors in a row have ended before they finished a chunk; the last said: "
                f"{str(error).splitlines()[0]}"
            )
        room = int(self._ray.cluster_resources().get("GPU" if self._gpus else "CPU", 0))
        if len(self._actors) > max(1, room):  # its machine is gone: another would wait for ever
            del self._actors[place], self._last[place]
            self._count = len(self._actors)
        else:
            self._actors[place] = self._actor(place)

    def _actor(self, place: int) -> Any:
        logs = self._task.sandbox.logs
        own = replace(self._task.sandbox, logs=logs and logs.absolute() / f"worker-{place + 1}")
        kind = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=0)(Player)
        return kind.remote(replace(self._task, sandbox=own), os.getcwd())
