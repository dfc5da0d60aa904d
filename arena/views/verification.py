"""What `arena verify` shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status
from rich.text import Text

from arena.record.verify import Checked, verify
from arena.untrusted import one_line

SHOWN = 20  # faults that are printed
LINE_EVERY_S = 15.0


def _shown(console: Console, file_check: Status, found: Iterator[Checked], total: int) -> Iterator[Checked]:
    """The same, while a bar runs in a terminal and now and then a line is written elsewhere."""
    file_check.stop()
    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("episodes  ETA"),
        TimeRemainingColumn(compact=True),
    )
    last_line = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total)
        for checked in found:
            yield checked
            bars.advance(task, checked.episodes)
            if not console.is_terminal and time.monotonic() - last_line > LINE_EVERY_S:
                last_line = time.monotonic()
                done, left = bars.tasks[0].completed, bars.tasks[0].time_remaining or 0.0
                console.print(Text(f"{done:,.0f} of {total:,} episodes verified, {left:.0f} s left"))


def show_verification(folder: Path) -> bool:
    """Verify a run and print what was found; whether it is all as it was played."""
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("checking the file") as file_check:
        found = verify(folder, partial(_shown, console, file_check))
    seconds = time.monotonic() - began
    for fault in found.faults[:SHOWN]:
        print(fault)
    if len(found.faults) > SHOWN:
        print(f"and {len(found.faults) - SHOWN:,} more")
    verdict = f"{len(found.faults):,} faults" if found.faults else "all as stored"
    print(
        f"{one_line(str(folder))}: {found.episodes:,} episodes of {len(found.games)} games played again "
        f"in {seconds:.1f} s ({found.episodes / seconds:.0f} episodes/s): {verdict}"
    )
    return not found.faults
