"""What an agent's own process adds to a call: a batch there and back, on one core, the agent being instant.

The batch is one observation of `snake-duel`, as lockstep's smallest; what 64 at once take is beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from arena.match.match import Match
from arena.match.play import play
from arena_agents import Agent, Observation, Reply
from arena_agents.registry import make_agent
from arena_agents.sandbox import Sandboxed
from arena_games.registry import find_game
from tests.benchmarks.measure import Work

CALLS = 2000


class Instant(Agent):
    """Needs no time to speak of."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply("<action>up</action>")] * len(observations)


class Keeps(Instant):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        self.seen += observations
        return super().act(observations)


def batch_of_one() -> Work:
    return _work(1, reach=150e-6, aim=100e-6)


def batch_of_64() -> Work:
    return _work(64, reach=4e-3, aim=2e-3)


def _work(size: int, reach: float, aim: float) -> Work:
    spec, keeps = find_game("snake-duel"), Keeps()
    for _ in play([Match(spec, seed, ("a", "a")) for seed in range(64)], {"a": keeps}):
        pass
    with one_core():
        agent = make_agent(f"{__file__}:Instant")
    assert isinstance(agent, Sandboxed)

    def ask() -> int:
        with one_core():
            for _ in range(CALLS // size):
                agent.ask(keeps.seen[:size], None)
        return CALLS // size

    return Work(
        name=f"a batch of {size} to an agent's own process and back, on one core",
        unit="batches/s",
        ours=ask,
        peer="",
        theirs=None,
        reach=reach,
        aim=aim,
        goal="seconds",
    )


@contextmanager
def one_core() -> Iterator[None]:
    """Only one, the first of ours; whatever is started meanwhile stays there."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
