"""An `arena` command as a child process that does not outlive its parent.

    python -m arena.cli.worker train snake --agent nano

A tournament that is killed outright cannot stop its trainings; each of them notices by itself, so
that the tournament's next run finds no other hand on the same folders.
"""

from __future__ import annotations

from arena.machine.parent import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    from arena.cli.app import main

    main()
