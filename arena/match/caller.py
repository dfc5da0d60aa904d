"""Asking an agent safely: whatever it does instead of replying becomes an error reply.

Three things can go wrong: it misses its deadline (`Caller`), it raises (`ask_guarded`), or what it returns is
not what it should be (`check_replies`).
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from arena_agents import Agent, Observation, Reply, TokenSample, Usage

LONGEST_ERROR = 300  # characters of an agent's message that are kept
PATIENCE_S = 5.0  # for a worker thread to end
LARGEST_COUNT = 2**63 - 1  # that the run's file can hold


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
        """Let the worker thread end, unless it hangs in the agent (it is a daemon).

        It is waited for: a thread that is cut off within torch as Python ends aborts the process.
        """
        self._requests.put(None)
        if self._worker is not None and self._overdue is None:
            self._worker.join(PATIENCE_S)

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
        replies = agent.act(observations)
        check_replies(replies, len(observations))
        return list(replies)
    except (Exception, SystemExit) as error:  # sys.exit() in an agent is its own failure too
        if len(observations) > 1:
            return [reply for one in observations for reply in ask_guarded(agent, [one])]
        return [Reply("", error=_description(error)[:LONGEST_ERROR])]


def _description(error: BaseException) -> str:
    """The error's type and the first line of what it says, if it can say anything."""
    name = type(error).__name__
    try:
        return f"{name}: {error}".splitlines()[0]
    except Exception:  # an exception's own __str__ is the agent's code, too
        return name


def check_replies(replies: object, expected: int) -> None:
    """Raises TypeError or ValueError, in words for the agent's author, unless these are whole replies."""
    if not isinstance(replies, Sequence) or isinstance(replies, str):
        raise TypeError(f"act() must return a list of Reply objects, not {type(replies).__name__}")
    if len(replies) != expected:
        raise ValueError(f"act() returned {len(replies)} replies for {expected} observations")
    for reply in replies:
        _check_reply(reply)


def _check_reply(reply: object) -> None:
    _expect("act()'s replies", reply, Reply)
    assert isinstance(reply, Reply)
    _expect("a reply's text", reply.text, str)
    _expect("a reply's error", reply.error, str, optional=True)
    _expect("a reply's reasoning", reply.reasoning, str, optional=True)
    _expect("a reply's sample", reply.sample, TokenSample, optional=True)
    _expect("a reply's usage", reply.usage, Usage, optional=True)
    if reply.sample is not None:
        _check_count("policy_version", reply.sample.policy_version)
    if reply.usage is not None:
        _check_usage(reply.usage)


def _check_usage(usage: Usage) -> None:
    for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"):
        if getattr(usage, name) is not None:
            _check_count(name, getattr(usage, name))
    _check_count("retries", usage.retries)
    _expect("a usage's finish", usage.finish, str)
    if usage.cost is not None:
        _expect("a usage's cost", usage.cost, float, int)
        if not (math.isfinite(usage.cost) and usage.cost >= 0):
            raise ValueError(f"a usage's cost must be a number of dollars, not {usage.cost}")


def _check_count(name: str, value: object) -> None:
    _expect(name, value, int)
    assert isinstance(value, int)
    if not 0 <= value <= LARGEST_COUNT:
        raise ValueError(f"{name} must be a count, not {value:.3g}")


def _expect(what: str, value: object, *types: type, optional: bool = False) -> None:
    if not isinstance(value, types) and not (optional and value is None):
        raise TypeError(f"{what} must be {types[0].__name__}, not {type(value).__name__}")
