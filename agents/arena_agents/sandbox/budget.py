"""The processor time of an agent's call: its threads, its children and theirs, as far as the system tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

FIRST_LOOK_S = 0.1  # from when on a call's time is counted: most are over by then, and cost nothing so
LONGEST_LOOK_S = 10.0


def cores() -> int:
    """The processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def spent_s(process: int) -> float:
    """The processor time of a process and all that descends from it, those that have ended included."""
    import psutil  # takes a moment, which most programs need not spend

    total = 0.0
    with suppress(psutil.Error):
        root = psutil.Process(process)
        for one in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


class SpentError(Exception):
    """A call has taken all of its processor time."""


class Budget:
    """Looks now and then at what a call has taken of its `allowed_s` seconds, `process` and all below it.

    The processors bound how soon they can be gone, so it looks seldom; what is taken in the first
    `FIRST_LOOK_S` is not counted.
    """

    def __init__(self, process: int, allowed_s: float, spent: Callable[[int], float] = spent_s) -> None:
        self._process, self._allowed_s, self._spent = process, allowed_s, spent
        self._before: float | None = None
        self.wait_s = FIRST_LOOK_S

    def look(self) -> None:
        """Set `wait_s`, the time until the next look. Raises SpentError."""
        now = self._spent(self._process)
        if self._before is None:
            self._before = now
        left = self._allowed_s - (now - self._before)
        if left <= 0:
            raise SpentError
        self.wait_s = min(max(FIRST_LOOK_S, left / cores()), LONGEST_LOOK_S)
