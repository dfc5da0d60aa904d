"""How agents that are not ours are run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from arena_agents.sandbox.budget import cores

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How agents that are not ours are run: each in a process of its own, unless `in_process` (to debug).

    `memory_gib` bounds the memory of that process (None: half of the machine's). `start_s` is the time to
    start it, the agent's constructor included; `deadline_s` that for a call where no match sets one.
    `cpu_s` is the processor time of a call, of all its threads and children (None: what half of the
    processors have in its deadline). What the agent prints goes to a file in `logs` (None: in a temporary
    folder).
    """

    in_process: bool = False
    memory_gib: float | None = None
    cpu_s: float | None = None
    start_s: float = 120.0
    deadline_s: float = 300.0
    logs: Path | None = None

    def cpu_within(self, within_s: float, turns: int = 1) -> float:
        """The processor time of a call of so many turns that has so long; `within_s` is that of all turns."""
        return within_s * _half_of_the_processors() if self.cpu_s is None else self.cpu_s * turns

    @property
    def start_cpu_s(self) -> float:
        """The processor time to start it, imports included: that of a call says nothing about them."""
        return self.start_s * _half_of_the_processors()

    @property
    def memory_bytes(self) -> int:
        """The bound on the process's memory; 0 where nothing is known of the machine's."""
        if self.memory_gib is not None:
            return int(self.memory_gib * GIB)
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):
            return 0


def _half_of_the_processors() -> int:
    return max(1, cores() // 2)
