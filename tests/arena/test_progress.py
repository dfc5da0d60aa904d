"""Progress of a tournament: bars that fit a terminal, lines in a pipe, no control codes there."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from arena.entrants import Training
from arena.progress import MatchProgress, TrainingProgress

LONG = "a-very-long-name-of-a-game-that-somebody-has-written"
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


def shown(width: int, **options: object) -> list[str]:
    """The lines of a tournament's last bars, without colours."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, **options)  # type: ignore[arg-type]
    with MatchProgress(console).shown() as progress:
        progress.plan({"snake": (0, 10), "duel": (90, 1000), f"[red]{LONG}\x1b": (0, 10)})
        progress.begin("snake")
        progress.advance("snake", 10)
        progress.begin("duel")
        progress.advance("duel", 90)
    last = file.getvalue().rpartition("\x1b[2K")[2]  # what follows the last erased line
    return [line.rstrip() for line in ESCAPES.sub("", last).splitlines() if line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_bars_are_a_line_each(width: int) -> None:
    lines = shown(width)
    assert [line.split()[0][:3] for line in lines] == ["sna", "due", "[re", "all"]
    assert all(cell_len(line) <= width for line in lines)


def test_what_waits_shows_no_time_and_what_is_done_no_rest() -> None:
    snake, duel, waiting, _ = shown(80)
    assert re.search(r"10/10 0:00$", snake)
    assert re.search(r"180/1000 0:00", duel)
    assert re.search(r"0/10$", waiting)


def test_without_colours_the_bar_is_as_long_as_what_is_done() -> None:
    bars = [line.count("━") for line in shown(80, no_color=True)]
    assert bars[2] == 0
    assert bars[0] > bars[3] >= bars[1] > 0


def test_a_pipe_gets_plain_lines() -> None:
    file = io.StringIO()
    with MatchProgress(Console(file=file)).shown() as progress:
        progress.plan({"snake": (0, 10)})
        progress.begin("snake")
        progress.advance("snake", 10)
    assert file.getvalue() == "10 of 10 matches to play\nsnake: 10 of 10 matches\n"


def test_trainings_in_a_pipe(tmp_path: Path) -> None:
    file = io.StringIO()
    job = Training("nano", "snake", tmp_path / "nano@snake")
    progress = TrainingProgress(Console(file=file), [job])
    with progress.shown():
        progress.started(job)
        progress.look()
        progress.ended(job, "no space left")
    first, last = file.getvalue().splitlines()
    assert first.startswith("training nano on snake in ")
    assert last == "nano@snake: failed: no space left"
