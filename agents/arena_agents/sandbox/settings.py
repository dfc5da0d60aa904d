"""How agents that are not ours are run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How agents that are not ours are run: each in a process of its own, unless `in_process` (to debug).

    `memory_gib` bounds the memory of that process (None: half of the machine's). `start_s` is the time to
    start it, the agent's constructor included; `deadline_s` that for a call where no match sets one. What
    the agent prints goes to a file in `logs` (None: in a temporary folder).
    """

    in_process: bool = False
    memory_gib: float | None = None
    start_s: float = 120.0
    deadline_s: float = 300.0
    logs: Path | None = None

    @property
    def memory_bytes(self) -> int:
        """The bound on the process's memory; 0 where nothing is known of the machine's."""
        if self.memory_gib is not None:
            return int(self.memory_gib * GIB)
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):
            return 0
