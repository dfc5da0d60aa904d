"""The agent's own process: makes the agent, then answers question after question until there are no more."""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena_agents.base import Agent, Observation, Reply
from arena_agents.guard import ask_guarded, at_once, described
from arena_agents.sandbox.settings import Sandbox
from arena_agents.sandbox.wire import Channel, Games, to_answer, to_observations
from arena_games.base import UsageError


@dataclass(frozen=True)
class Order:
    """What the process is told first: which agent, and how much memory there is."""

    spec: str
    memory_bytes: int


def serve(descriptor: int) -> None:
    """Never returns."""
    channel = Channel(socket.socket(fileno=descriptor))
    os.register_at_fork(after_in_child=channel.close)  # a fork of the agent's has nothing to say here
    order = Order(**channel.receive()[0])
    _limit(order.memory_bytes)
    try:
        agent = _made(order.spec)
        channel.send({"name": f"{agent.name}"[:200], "at_once": at_once(agent)})
    except BaseException as error:  # whatever it is, the arena says so in one line
        if not isinstance(error, UsageError) or error.__cause__ is not None:
            traceback.print_exc()
        channel.send({"error": _in_words(order.spec, error)})
        os._exit(1)
    _answer(agent, channel)


def _answer(agent: Agent, channel: Channel) -> None:
    games, watched = Games(), _Traced(agent)
    while True:
        try:
            rows, blob = channel.receive()
        except (EOFError, OSError):
            os._exit(0)
        observations = to_observations(rows, blob, games)
        channel.send(to_answer(ask_guarded(watched, observations, let_through=())))


def _made(spec: str) -> Agent:
    from arena_agents.registry import make_agent

    source = spec.partition(".py:")[0]
    if source != spec:
        sys.path.insert(0, str(Path(source).resolve().parent))  # as Python does for a script
    return make_agent(spec, sandbox=Sandbox(in_process=True))


def _in_words(spec: str, error: BaseException) -> str:
    whole = isinstance(error, UsageError)
    return str(error)[:1000] if whole else f"cannot make agent {spec!r}: {described(error)}"


class _Traced(Agent):
    """The agent; where its exceptions come from is told on stderr, so that it stands in its log."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        try:
            return self._agent.act(observations)
        except BaseException:
            with suppress(BaseException):  # its own code may stand behind the message
                traceback.print_exc()
            raise


def _limit(memory_bytes: int) -> None:
    """No core files, so much memory; if the machine runs out of it all the same, this process goes first."""
    import resource

    limits: list[tuple[Any, int]] = [(resource.RLIMIT_CORE, 0)]
    if memory_bytes:
        # Of what is mapped, only what can be written counts: CUDA reserves far more than it ever uses.
        limits.append((resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS, memory_bytes))
    for kind, limit in limits:
        with suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (limit, limit))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
