"""Asking an agent in time: whatever it does instead of replying becomes an error reply.

Who raises, or returns what is no reply, is dealt with by `arena_agents.guard`; here, who takes too long. An
agent with a process of its own (`arena_agents.sandbox`) is ended there; for agents in this process there is
a thread that can be given up on.
"""

from __future__ import annotations

import ctypes
import math
import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import ClassVar

from arena_agents import Agent, Observation, Reply, Usage
from arena_agents.guard import ask_guarded, at_once, described
from arena_agents.sandbox import Sandboxed

PATIENCE_S = 5.0  # for a worker thread to end
HANGING_PATIENCE_S = 1.0  # for one whose call missed its deadline
OUR_PACKAGES = ("arena", "arena_agents")


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply per observation, and the seconds that the agent took for all of them."""

    replies: list[Reply]
    seconds: float


class Caller:
    """Calls one agent; with a deadline, in a thread of its own that can be given up on.

    An agent in this process that misses it is not asked again: every later answer is the same error.
    """

    def __init__(self, agent: Agent, deadline_s: float | None) -> None:
        self._agent = agent
        self._deadline_s = deadline_s
        self._ours = type(agent).__module__.partition(".")[0] in OUR_PACKAGES
        self._overdue: Reply | None = None
        self._worker: Worker | None = None

    def ask(self, observations: list[Observation]) -> Answer:
        """The agent's replies; `Reply.error` is set where it failed. Never raises for the agent."""
        if self._overdue:
            return Answer([self._overdue] * len(observations), 0.0)
        began = time.perf_counter()
        if isinstance(self._agent, Sandboxed):
            replies = self._agent.ask(observations, self._deadline_s)
        elif self._deadline_s is None:
            replies = ask_guarded(self._agent, observations)
        else:
            replies = self._ask_in_time(observations, self._deadline_s)
        return Answer([self._trusted(reply) for reply in replies], time.perf_counter() - began)

    def close(self) -> None:
        """Let the worker thread end, unless it hangs in the agent (it is a daemon).

        It is waited for: a thread that is cut off within torch as Python ends aborts the process.
        """
        if self._worker is not None:
            self._worker.close()

    def _ask_in_time(self, observations: list[Observation], deadline_s: float) -> list[Reply]:
        try:
            turns = math.ceil(len(observations) / (at_once(self._agent) or len(observations)))
        except Exception as error:  # the agent's own code may stand behind it
            return [Reply("", error=described(error))] * len(observations)
        if self._worker is None:
            self._worker = Worker.of(self._agent)
        if self._worker is None:
            return self._give_up("it still hangs in an earlier call", len(observations))
        replies = self._worker.ask(observations, deadline_s * turns)
        return replies or self._give_up(f"no reply within {deadline_s * turns:g} s", len(observations))

    def _give_up(self, why: str, observations: int) -> list[Reply]:
        """Error replies for those that were asked; later ones are not, so that they take nothing."""
        self._overdue = Reply("", error=why, passing=self._ours and self._agent.remote)
        asked = replace(self._overdue, usage=Usage(None, None, finish="error"))
        return [asked if self._overdue.passing else self._overdue] * observations

    def _trusted(self, reply: Reply) -> Reply:
        """The reply; that a failure lies outside the agent is believed of agents of ours alone."""
        return reply if self._ours or not reply.passing else replace(reply, passing=False)


class _GivenUpError(SystemExit):
    """Raised within a call that nobody waits for any more, so that it may end; it ends threads silently."""


class Worker:
    """A thread that asks one agent. While it hangs in a call, the agent gets no other."""

    _hanging: ClassVar[dict[int, Worker]] = {}  # by the id of the agent, which the worker holds

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._requests: queue.SimpleQueue[list[Observation] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[Reply]] = queue.SimpleQueue()
        self._asked = self._answered = 0
        self._thread = threading.Thread(target=self._work, daemon=True)

    @classmethod
    def of(cls, agent: Agent) -> Worker | None:
        """A worker for the agent; None if it still hangs in a call."""
        before = cls._hanging.get(id(agent))
        if before is not None and before._thread.is_alive():
            return None
        cls._hanging.pop(id(agent), None)
        worker = cls(agent)
        worker._thread.start()
        return worker

    def ask(self, observations: list[Observation], within_s: float) -> list[Reply] | None:
        """The agent's replies; None if there are none in time: then it is not to be asked again."""
        self._asked += 1
        self._requests.put(observations)
        try:
            replies = self._answers.get(timeout=min(within_s, threading.TIMEOUT_MAX))
        except queue.Empty:
            self._interrupt()
            return None
        self._answered += 1
        return replies

    def close(self) -> None:
        """Let the thread end, and wait for it; a call that nobody waits for is interrupted."""
        late = self._hanging.get(id(self._agent)) is self
        if self._answered < self._asked and not late:
            self._interrupt()
        self._requests.put(None)
        self._thread.join(HANGING_PATIENCE_S if late else PATIENCE_S)

    def _interrupt(self) -> None:
        """Raise an exception in the thread: it comes when Python code runs there next, if it ever does."""
        self._hanging[id(self._agent)] = self
        thread = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_GivenUpError))

    def _work(self) -> None:
        try:
            while (observations := self._requests.get()) is not None:
                self._answers.put(ask_guarded(self._agent, observations, let_through=_GivenUpError))
        except _GivenUpError:
            pass
        finally:
            if self._hanging.get(id(self._agent)) is self:
                del self._hanging[id(self._agent)]
