"""Asking an agent safely: an exception or a missed deadline becomes an error reply."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from arena.reply_check import check_reply, describe
from arena_agents import Agent, Observation, Reply

LONGEST_ERROR = 300  # characters of an agent's message that are kept


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply per observation, and the seconds that the agent took for all of them."""

    replies: list[Reply]
    seconds: float


class Caller:
    """Calls one agent; with a deadline, in a thread of its own that can be given up on.

    An agent that misses the deadline is not asked again: every later answer is the same error.
    """

    def __init__(self, agent: Agent, deadline_s: float | None) -> None:
        self._agent = agent
        self._deadline_s = deadline_s
        self._overdue: Reply | None = None
        self._requests: queue.SimpleQueue[list[Observation] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[Reply]] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None

    def ask(self, observations: list[Observation]) -> Answer:
        """The agent's replies; `Reply.error` is set where it failed. Never raises for the agent."""
        if self._overdue:
            return Answer([self._overdue] * len(observations), 0.0)
        began = time.perf_counter()
        if self._deadline_s is None:
            replies = ask_guarded(self._agent, observations)
        else:
            replies = self._ask_in_time(observations, self._deadline_s * self._rounds(len(observations)))
        return Answer(replies, time.perf_counter() - began)

    def close(self) -> None:
        """Let the worker thread end, unless it hangs in the agent (it is a daemon)."""
        self._requests.put(None)

    def _ask_in_time(self, observations: list[Observation], deadline_s: float) -> list[Reply]:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()
        self._requests.put(observations)
        try:
            return self._answers.get(timeout=deadline_s)
        except queue.Empty:
            passing = getattr(self._agent, "remote", False)
            self._overdue = Reply("", error=f"no reply within {deadline_s:g} s", passing=passing)
            return [self._overdue] * len(observations)

    def _rounds(self, observations: int) -> int:
        """How many turns the agent takes to answer so many observations."""
        at_once = getattr(self._agent, "at_once", None)
        return math.ceil(observations / at_once) if at_once else 1

    def _work(self) -> None:
        while (observations := self._requests.get()) is not None:
            self._answers.put(ask_guarded(self._agent, observations))


def ask_guarded(agent: Agent, observations: list[Observation]) -> list[Reply]:
    """Replies in order; after an exception, each observation is asked alone to find the culprit."""
    try:
        return _checked(agent.act(observations), len(observations))
    except (Exception, SystemExit) as error:  # sys.exit() in an agent is its own failure too
        if len(observations) > 1:
            return [reply for one in observations for reply in ask_guarded(agent, [one])]
        return [Reply("", error=describe(error)[:LONGEST_ERROR])]


def _checked(replies: Sequence[Reply], expected: int) -> list[Reply]:
    if not isinstance(replies, Sequence) or isinstance(replies, str):
        raise TypeError(f"act() must return a list of Reply objects, not {type(replies).__name__}")
    if len(replies) != expected:
        raise ValueError(f"act() returned {len(replies)} replies for {expected} observations")
    for reply in replies:
        check_reply(reply)
    return list(replies)
