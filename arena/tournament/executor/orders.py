"""What a tournament and the process that has a Ray cluster play say to each other, beside what is played."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from arena.tournament.executor.task import Task


class Say(Enum):
    """What it says beside what was played."""

    READY = "ready"
    MORE = "more"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Orders:
    """What is played, and on which cluster; the rest as in `Actors`."""

    task: Task
    address: str
    count: int | None
    gpu: bool
