"""What `arena verify` shows: how far it is, then what is not as it was stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.status import Status

from arena.record.verify import Checked, verify
from arena.untrusted import one_line
from arena.views.progress import BarDisplay, time_left

SHOWN = 20  # faults that are printed


def show_verification(folder: Path, *, as_json: bool = False, trust: bool = False) -> bool:
    """Verify a run and print what was found, all of it as JSON; whether it is all as it was played."""
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("checking the file") as file_check:
        found = verify(folder, partial(_shown, console, file_check), trust=trust)
    seconds = time.monotonic() - began
    if as_json:
        games = dict(sorted(found.games.items()))
        print(json.dumps({"episodes": found.episodes, "games": games, "faults": found.faults}, indent=2))
        return not found.faults
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


def _shown(console: Console, file_check: Status, found: Iterator[Checked], total: int) -> Iterator[Checked]:
    """The same, while a bar runs in a terminal and now and then a line is written elsewhere."""
    file_check.stop()
    with BarDisplay(console, transient=True).shown() as display:
        task = display.bars.add_task("", name="verifying", total=total)
        for checked in found:
            yield checked
            display.bars.advance(task, checked.episodes)
            if display.lines.is_due:
                (shown,) = display.bars.tasks
                left = f", {time_left(shown)}" if time_left(shown) else ""
                display.lines.say(f"{shown.completed:,.0f} of {total:,} episodes verified{left}")
