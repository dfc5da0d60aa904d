"""A chat template's first rendering, in a process of its own.

A template is a program: transformers' sandbox keeps it from the machine, but not from making a string of ten
gigabytes, or from never ending. So it is tried on a copy of this process that may take a bounded time and
memory. A template that does so only for some messages is not found out so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from arena_agents.limits import MIB, TEMPLATE_CPU_S, TEMPLATE_MEMORY
from arena_games.base import UsageError

FINE, TOO_MUCH_MEMORY = 0, 3


def try_rendering(render: Callable[[], object]) -> None:
    """Raises UsageError if `render` takes too much time or memory; what it raises otherwise is not told.

    Does nothing where processes cannot be copied.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return
    child = os.fork()
    if child == 0:
        os._exit(_outcome(render))  # whatever happens: nothing of this process's is cleaned up twice
    try:
        _, status = os.waitpid(child, 0)
    except ChildProcessError:  # somebody in this process takes no news of its children
        return
    if status != FINE:
        raise UsageError(
            f"the model's chat template takes more than {TEMPLATE_CPU_S} s or {TEMPLATE_MEMORY // MIB:,} MiB "
            "for a short message; mend its chat_template.jinja"
        )


def _outcome(render: Callable[[], object]) -> int:
    try:
        _limit_this_process()
        render()
    except MemoryError:
        return TOO_MUCH_MEMORY
    except BaseException:
        return FINE
    return FINE


def _limit_this_process() -> None:
    import resource

    import psutil

    held = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (held + TEMPLATE_MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (TEMPLATE_CPU_S,) * 2)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
