"""A child process that does not outlive its parent: one that is killed outright cannot stop its children."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

import psutil

LOOK_EVERY_S = 0.3
PARENT = "ARENA_PARENT"  # the number of the process that a child is to end with


def for_a_child(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that is to end with this one."""
    return {**environment, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Make this process end, at once and without cleaning up, when its parent is gone, or who started it.

    They may be two: a launcher may stand between. The starter may be gone before this is called, so it says
    its own number in `PARENT`.
    """
    told = os.environ.pop(PARENT, "")  # not for this process's own children
    starter = int(told) if told.isdecimal() else None
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and (starter is None or _lives(starter)):
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _lives(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it is there, and not ours to look at
        return True
