"""`arena prune`: what finished trainings no longer need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.files import remove_folder
from arena.training.status import TrainingStatus
from arena.untrusted import escaped_line
from arena.views.listing import training_folders
from arena_games.base import UsageError


@dataclass(frozen=True, slots=True)
class Spare:
    """A folder that only `--resume` needs, in a training that has taken all of its steps."""

    folder: Path
    bytes: int


def show_pruning(folder: Path, *, remove: bool, as_json: bool) -> None:
    """List the checkpoints of finished trainings at or below a folder, and remove them if asked to.

    Policies, metrics, configs and tournaments stay. Raises UsageError if there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; name one that holds runs")
    found = list(spare(folder))
    if remove:
        for one in found:
            remove_folder(one.folder)
    total = sum(one.bytes for one in found)
    if as_json:
        rows = [{"folder": str(one.folder), "bytes": one.bytes} for one in found]
        print(json.dumps({"removed": remove, "bytes": total, "folders": rows}, indent=2))
        return
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in found:
        table.add_row(Text(escaped_line(str(one.folder), 100)), f"{one.bytes / 1e6:,.1f} MB")
    console.print(table)
    said = "freed" if remove else "could be freed; arena prune --yes does it" if found else "to free"
    console.print(Text(f"{total / 1e6:,.1f} MB {said}"))


def spare(folder: Path) -> Iterator[Spare]:
    """The checkpoints of every training below that has taken its last step. Links are left alone."""
    for run in training_folders(folder):
        status = TrainingStatus(run)
        status.update()
        checkpoints = run / "checkpoints"
        finished = status.steps is not None and status.step >= status.steps and (run / "best").is_dir()
        if finished and checkpoints.is_dir() and not checkpoints.is_symlink():
            yield Spare(
                checkpoints, sum(file.stat().st_size for file in checkpoints.rglob("*") if file.is_file())
            )
