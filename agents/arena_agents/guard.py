"""Asking an agent safely: what it raises, and what it returns instead of replies, become error replies.

What comes out is plain data: `Reply` objects of exactly that type, whose fields are exactly of theirs. A
subclass is refused, as each of its methods would run the agent's code somewhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from arena_agents.base import Agent, Observation, Reply, TokenSample, Usage
from arena_agents.limits import LARGEST_COUNT, LONGEST_ERROR, LONGEST_FINISH, MOST_DOLLARS, MOST_TOKENS, cut

__all__ = ["ask_guarded", "at_once", "check_replies", "described"]

Raised = type[BaseException] | tuple[type[BaseException], ...]


def ask_guarded(
    agent: Agent, observations: Sequence[Observation], *, let_through: Raised = KeyboardInterrupt
) -> list[Reply]:
    """Replies in order; after an exception, each observation is asked alone to find the culprit.

    `let_through` are exceptions that are not the agent's: Ctrl-C, where it can come.
    """
    try:
        replies = agent.act(observations)
        check_replies(replies, len(observations))
        return [_shortened(reply) for reply in replies]
    except BaseException as error:  # SystemExit and its like are the agent's own failures, too
        if let_through and isinstance(error, let_through):
            raise
        if len(observations) > 1:
            alone = (ask_guarded(agent, [one], let_through=let_through) for one in observations)
            return [reply for replies in alone for reply in replies]
        return [Reply("", error=described(error))]


def described(error: BaseException) -> str:
    """The error's type and the first line of what it says, if it can say anything."""
    name = f"{type(error).__name__}"
    try:
        said = f"{name}: {error}".splitlines()[0]
    except BaseException:  # an exception's own __str__ is the agent's code, too
        said = name
    return said[:LONGEST_ERROR]


def at_once(agent: Agent) -> int | None:
    """How many observations the agent answers at the same time; None: all of them.

    Raises TypeError or ValueError, in words for its author, if `at_once` is no such number.
    """
    value: Any = getattr(agent, "at_once", None)
    if value is None:
        return None
    _expect("at_once", value, int)
    if not 1 <= value <= LARGEST_COUNT:
        raise ValueError("at_once must be a number of observations, at least 1")
    return int(value)


def check_replies(replies: object, expected: int) -> None:
    """Raises TypeError or ValueError, in words for the agent's author, unless these are whole replies."""
    if type(replies) not in (list, tuple):
        raise TypeError(f"act() must return a list of Reply objects, not {type(replies).__name__}")
    assert isinstance(replies, (list, tuple))
    if len(replies) != expected:
        raise ValueError(f"act() returned {len(replies)} replies for {expected} observations")
    for reply in replies:
        _check_reply(reply)


def _shortened(reply: Reply) -> Reply:
    """The reply with no more of its error than is kept."""
    if reply.error is None or len(reply.error) <= LONGEST_ERROR:
        return reply
    return replace(reply, error=cut(reply.error, LONGEST_ERROR))


def _check_reply(reply: Any) -> None:
    _expect("act()'s replies", reply, Reply)
    _expect("a reply's text", reply.text, str)
    _expect("a reply's error", reply.error, str, optional=True)
    _expect("a reply's reasoning", reply.reasoning, str, optional=True)
    _expect("a reply's sample", reply.sample, TokenSample, optional=True)
    _expect("a reply's usage", reply.usage, Usage, optional=True)
    _expect("a reply's passing", reply.passing, bool)
    if reply.sample is not None:
        _check_count("policy_version", reply.sample.policy_version)
    if reply.usage is not None:
        _check_usage(reply.usage)


def _check_usage(usage: Usage) -> None:
    for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"):
        if getattr(usage, name) is not None:
            _check_count(name, getattr(usage, name), MOST_TOKENS)
    _check_count("retries", usage.retries, MOST_TOKENS)
    _expect("a usage's finish", usage.finish, str)
    if len(usage.finish) > LONGEST_FINISH or not usage.finish.isprintable():
        raise ValueError(f"a usage's finish must be one short word, not {usage.finish[:LONGEST_FINISH]!a}")
    if usage.cost is not None:
        _expect("a usage's cost", usage.cost, float, int)
        if not 0 <= usage.cost <= MOST_DOLLARS:  # nor NaN
            raise ValueError(f"a usage's cost must be a number of dollars, from 0 to {MOST_DOLLARS:,}")


def _check_count(name: str, value: Any, most: int = LARGEST_COUNT) -> None:
    _expect(name, value, int)
    if not 0 <= value <= most:
        raise ValueError(f"{name} must be a count, from 0 to {most:,}")


def _expect(what: str, value: object, *types: type, optional: bool = False) -> None:
    """Raises TypeError unless the value is exactly of one of the types."""
    if type(value) not in types and not (optional and value is None):
        raise TypeError(f"{what} must be {types[0].__name__}, not {type(value).__name__}")
