"""What the tests of served models share: observations, and what a plain reply to one of them is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from arena_agents import Observation, Reply, Usage
from arena_agents.language.api_agent import ServerAgent
from arena_games.registry import find_game

RIGHT = "<action>right</action>"
AgentAt = Callable[..., ServerAgent]


def seen(count: int = 1) -> list[Observation]:
    snake = find_game("snake")
    return [
        Observation("snake", 0, turn, f"board {turn}", (0, 1, 2, 3), seed=2**63 + turn, spec=snake)
        for turn in range(count)
    ]


def timed(agent: ServerAgent, count: int = 1) -> tuple[list[Reply], float]:
    began = time.perf_counter()
    return agent.act(seen(count)), time.perf_counter() - began


def usage(retries: int = 0, finish: str = "stop") -> Usage:
    return Usage(100, 7, None, pytest.approx(170e-6), retries, finish)
