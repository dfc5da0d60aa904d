"""Running a study: every cell that is not done, side by side; what is done is never done again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.machine.children import Child, Watcher, device_names, run_children
from arena.machine.copies import refuse_links
from arena.machine.files import lock_folder
from arena.machine.hardware import cores
from arena.study.plan import Cell, Plan
from arena.study.worker import RUN, Job, finished, write_job
from arena_agents.files import read_bytes
from arena_agents.limits import LARGEST_TABLE
from arena_games.base import UsageError

LOG = "log.txt"
EVALUATION_STEPS = 10  # that evaluating a policy counts as in the progress, beside a training's steps


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it: how many cells were done before and now, and what went wrong with which."""

    before: int
    done: int
    errors: Mapping[str, str]


def run_cells(plan: Plan, out: Path, *, workers: int | None, watcher: Watcher[str]) -> Ended:
    """Do what is left of the plan in `out`, in `workers` processes at once (default: one a core).

    Raises UsageError if another process is at it, and for links that lead out of the folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    refuse_links(out)
    lock = lock_folder(out, "studying in")
    try:
        left = unfinished(plan, out)
        for cell in left:
            write_job(cell.folder(out), Job.of(cell, plan.study.evaluation))
        at_once = max(1, min(workers or cores(), len(left)))
        errors = run_children(
            [_child(cell, out) for cell in left],
            at_once=at_once,
            threads=max(1, cores() // at_once),
            watcher=watcher,
        )
        before = len(plan.cells) - len(left)
        return Ended(before, len(left) - len(errors), errors)
    finally:
        lock.release()


def unfinished(plan: Plan, out: Path) -> list[Cell]:
    """The cells of which something is left to do."""
    look = plan.study.evaluation
    return [cell for cell in plan.cells if not finished(cell.folder(out), Job.of(cell, look))]


def steps_of(cells: Sequence[Cell]) -> int:
    """The progress that these cells are, all in all."""
    return sum(EVALUATION_STEPS + (int(cell.config["steps"]) if cell.config else 0) for cell in cells)


def steps_done(cell: Cell, out: Path) -> int:
    """The training steps of a cell that are logged."""
    path = cell.folder(out) / RUN / "metrics.jsonl"
    try:
        return max(0, read_bytes(path, LARGEST_TABLE).count(b"\n") - 1)  # the first row is step 0
    except UsageError:
        return 0


def on_card(cell: Cell) -> bool:
    """Whether a GPU would be of use to the cell."""
    return cell.agent not in ("dqn", "random", "search") and bool(device_names())


def _child(cell: Cell, out: Path) -> Child[str]:
    folder = cell.folder(out)
    command = (sys.executable, "-m", "arena.study.worker", str(folder))
    return Child(cell.key, command, folder / LOG, on_card(cell))
