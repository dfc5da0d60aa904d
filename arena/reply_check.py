"""What an agent's reply must be, so that nothing that an agent returns can stop a tournament."""

from __future__ import annotations

import math

from arena_agents import Reply, TokenSample, Usage

LARGEST = 2**63 - 1  # that the run's file can hold


def check_reply(reply: object) -> None:
    """Raises TypeError or ValueError, in words for the agent's author, if it is not a whole `Reply`."""
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
    if not 0 <= value <= LARGEST:
        raise ValueError(f"{name} must be a count, not {value:.3g}")


def _expect(what: str, value: object, *types: type, optional: bool = False) -> None:
    if not isinstance(value, types) and not (optional and value is None):
        raise TypeError(f"{what} must be {types[0].__name__}, not {type(value).__name__}")


def describe(error: BaseException) -> str:
    """The error's type and the first line of what it says, if it can say anything."""
    name = type(error).__name__
    try:
        return f"{name}: {error}".splitlines()[0]
    except Exception:  # an exception's own __str__ is the agent's code, too
        return name
