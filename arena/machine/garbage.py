"""Python's search for garbage in cycles, made rarer: imports and play make many objects, and few cycles.

Everything else is freed at once, as ever. What is looked for are objects that refer to each other in a ring.
"""

from __future__ import annotations

import gc

OBJECTS = 20_000  # that were made and are still there, before the next look; Python's own default is 700


def look_seldom() -> None:
    """For a process that is ours: a command, or a worker of one."""
    gc.set_threshold(OBJECTS)
