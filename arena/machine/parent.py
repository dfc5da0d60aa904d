"""A child process that does not outlive its parent: one that is killed outright cannot stop its children."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

LOOK_EVERY_S = 0.3
PARENT = "ARENA_PARENT"  # the number of the process that a child is to end with


def for_a_child(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that is to end with this one."""
    return {**environment, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Make this process end, at once and without cleaning up, when its parent is gone.

    It may have gone before this was called: so who starts such a process says its own number in `PARENT`.
    """
    told = os.environ.pop(PARENT, "")  # not for this process's own children
    parent = int(told) if told.isdecimal() else os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
