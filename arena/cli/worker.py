"""An `arena` command as a child process that does not outlive its parent.

    python -m arena.cli.worker train snake --agent nano

A tournament that is killed outright cannot stop its trainings; each of them notices by itself, so
that the tournament's next run finds no other hand on the same folders.
"""

from __future__ import annotations

import os
import threading
import time

LOOK_EVERY_S = 0.3


def end_with_parent() -> None:
    """Make this process end, at once and without cleaning up, when its parent is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    from arena.cli.app import main

    main()
