"""Timing two ways of doing the same work in turn, so that the machine's moods fall on both."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

# What the goal is about: how many times as fast as the peer, how many times as long, or seconds.
Goal = Literal["times as fast", "times as long", "seconds"]


@dataclass(frozen=True, slots=True)
class Work:
    """Work that is measured: each callable does it once and returns how many `unit`s it did.

    `theirs` is None where the goal is in seconds. `reach` must be met, `aim` would be good.
    """

    name: str
    unit: str
    ours: Callable[[], int]
    peer: str
    theirs: Callable[[], int] | None
    reach: float
    aim: float
    goal: Goal = "times as fast"


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the table: median speeds in `unit`s a second, and what the goal is about over `runs` pairs."""

    work: str
    unit: str
    peer: str
    ours: float
    theirs: float | None
    value: float
    low: float
    high: float
    reach: float
    aim: float
    goal: Goal
    runs: int

    @property
    def met(self) -> bool:
        return self.value >= self.reach if self.goal == "times as fast" else self.value <= self.reach


def measure(work: Work, runs: int) -> Measured:
    """Warm up both once, then time them `runs` times, ours and theirs by turns."""
    pairs = [(_speed(work.ours), work.theirs and _speed(work.theirs)) for _ in range(runs + 1)][1:]
    values = [_value(work.goal, ours, theirs) for ours, theirs in pairs]
    theirs = [speed for _, speed in pairs if speed is not None]
    return Measured(
        work=work.name,
        unit=work.unit,
        peer=work.peer,
        ours=median(speed for speed, _ in pairs),
        theirs=median(theirs) if theirs else None,
        value=median(values),
        low=min(values),
        high=max(values),
        reach=work.reach,
        aim=work.aim,
        goal=work.goal,
        runs=runs,
    )


def _value(goal: Goal, ours: float, theirs: float | None) -> float:
    if theirs is None:
        return 1 / ours
    return ours / theirs if goal == "times as fast" else theirs / ours


def _speed(once: Callable[[], int]) -> float:
    """Units a second. What the last run left behind is collected before the clock starts."""
    gc.collect()
    began = clock()
    done = once()
    return done / (clock() - began)


def clock() -> float:
    """Seconds of the wall; with `PROCESSOR_TIME=1` of this process alone, for a machine with other work.

    What runs in other processes does not count then, and threads count together: not for these works.
    """
    return time.process_time() if os.environ.get("PROCESSOR_TIME") == "1" else time.perf_counter()
