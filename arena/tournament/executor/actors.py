"""Actors of a Ray cluster that play: one for each worker, one chunk of matches a call.

Ray places the actors by what they need: a core each, and a GPU where a language model plays in them and
the cluster has some. One that has found no place yet is given nothing, so it holds nobody up. Task and
agents are named, not sent, so the package, the files that agents' specs name and the run's folder of
trained policies must be found on every machine under the same paths.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from arena.match.match import Match
from arena.tournament.agents import Agents
from arena.tournament.executor.base import Played, played
from arena.tournament.executor.chunks import LineUp, Supply, line_up
from arena.tournament.executor.cluster import CHECK_S, Cluster
from arena.tournament.executor.feed import Feed, Wire, to_wire
from arena.tournament.executor.task import Task
from arena_games.base import UsageError

AT_ONCE = 2  # chunks of an actor: one that it plays and one that waits for it
MOST_DEATHS = 3  # of each actor, on average, without a chunk finished between them
START_S = 600.0  # for the first actor to find a place; then the cluster is taken to be full
FETCH_S = 120.0  # for what an actor has played to come here


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
        """The number of its process; that it answers says that it has found a place and has been made."""
        return os.getpid()


class Actors:
    """What plays on the cluster at `address`, or on one that is started on this machine for `local`.

    `count` actors play; None: as many as the cluster has cores, or GPUs where `gpu` says that each needs one.
    Raises UsageError where Ray is not installed, there is no such cluster, or it goes away.
    """

    def __init__(self, task: Task, address: str, count: int | None, gpu: bool) -> None:
        self._task, self._cluster = task, Cluster(address)
        self._ray = self._cluster.ray
        self._gpus = 1 if gpu and self._cluster.room("GPU") >= 1 else 0
        self._count = count or max(1, self._cluster.room("GPU" if self._gpus else "CPU"))
        self._actors: list[_Actor] = []
        self._given: dict[Any, tuple[_Actor, list[Match]]] = {}  # by the promise: who plays, and what
        self._deaths = 0

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played | None]:
        """Play the matches, `count` in all; None each time that nothing has ended for a while."""
        supply = Supply(matches, count, self._count)
        while len(self._actors) < min(self._count, count):
            self._actors.append(self._actor(len(self._actors)))
        heard = time.monotonic()
        while self._give_out(supply):
            done = self._ended()
            if done or self._given:
                heard = time.monotonic()
            elif time.monotonic() - heard > START_S:
                raise UsageError(self._full())
            if not done:
                yield None
            for promise in done:
                yield from self._heard(promise, supply)

    def close(self) -> None:
        """Let the cluster go, and end the one that was started for this."""
        self._given.clear()
        self._actors.clear()
        self._cluster.close()

    def _ended(self) -> list[Any]:
        """A promise that can be asked for, of a chunk or of an actor that starts; none after `CHECK_S`."""
        starting = [actor.ready for actor in self._actors if actor.ready is not None]
        try:
            done, _ = self._ray.wait([*self._given, *starting], num_returns=1, timeout=CHECK_S)
        except OSError:  # this machine's part of the cluster is gone
            self._cluster.check(now=True)
            raise
        self._cluster.check()
        return list(done)

    def _give_out(self, supply: Supply) -> bool:
        """Two chunks to every actor, as long as there are any; whether something is or will be played."""
        for _ in range(AT_ONCE):
            for actor in self._actors:
                if actor.ready is None and sum(own is actor for own, _ in self._given.values()) < AT_ONCE:
                    self._feed(actor, supply)
        return bool(self._given) or supply.left()

    def _feed(self, actor: _Actor, supply: Supply) -> None:
        chunk = supply.next_for(actor.last, [other.last for other in self._actors if other is not actor])
        if chunk is None:
            return
        actor.last = line_up(chunk[0])
        self._given[actor.handle.play.remote(to_wire(chunk))] = (actor, chunk)

    def _heard(self, promise: Any, supply: Supply) -> Iterator[Played]:
        """What a chunk came to; that of an actor that is gone is given out again."""
        starting = next((actor for actor in self._actors if actor.ready == promise), None)
        actor, chunk = (starting, []) if starting else self._given.pop(promise)
        try:
            found = self._ray.get(promise, timeout=FETCH_S)
        except self._ray.exceptions.RayTaskError as error:  # raised by what played
            raise error.cause if isinstance(error.cause, UsageError) else error from None
        except self._ray.exceptions.RayError as error:  # a worker or its machine is gone
            supply.give_back(chunk)
            self._bury(actor, error)
            return
        if starting:
            starting.ready = None
            return
        self._deaths = 0
        yield from found

    def _bury(self, actor: _Actor, error: Exception) -> None:
        """Put another in the place of an actor that is gone, unless its other chunk has told so before."""
        self._cluster.check(now=True)
        if actor not in self._actors:
            return
        self._deaths += 1
        if self._deaths > MOST_DEATHS * self._count:
            raise UsageError(
                f"{self._deaths} actors in a row have ended before they finished a chunk; the last said: "
                f"{str(error).splitlines()[0]}"
            )
        place = self._actors.index(actor)
        self._actors[place] = self._actor(place)

    def _actor(self, place: int) -> _Actor:
        logs = self._task.sandbox.logs
        own = replace(self._task.sandbox, logs=logs and logs.absolute() / f"worker-{place + 1}")
        kind = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=0)(Player)
        handle = kind.remote(replace(self._task, sandbox=own), os.getcwd())
        return _Actor(handle, handle.process.remote())

    def _full(self) -> str:
        need = "a core and a GPU" if self._gpus else "a core"
        return (
            f"no worker found a place on the Ray cluster in {START_S / 60:.0f} minutes: each needs {need}; "
            "ray status shows who has them"
        )


@dataclass(eq=False, slots=True)
class _Actor:
    """One that plays, or will: `ready` is kept until it has started; `last` is what it was given last."""

    handle: Any
    ready: Any
    last: LineUp | None = None
