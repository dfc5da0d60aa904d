"""Progress of a tournament: bars that fit a terminal, lines in a pipe, no control codes there."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from arena.match.episode import EndReason, Episode
from arena.tournament.entrants import Training
from arena.views.numbers import clock
from arena.views.tournament_progress import MatchProgress, MeanReturns, PreparationProgress
from arena.views.training_progress import TrainingDisplay

LONG = "a-very-long-name-of-a-game-that-somebody-has-written"
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


def shown(width: int, **options: object) -> list[str]:
    """The lines of a tournament's last bars, without colours."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, **options)  # type: ignore[arg-type]
    with MatchProgress(console).shown() as progress:
        progress.plan({"snake": (0, 10), "duel": (90, 1000), f"[red]{LONG}\x1b": (0, 10)})
        progress.begin("snake")
        progress.advance("snake", [episode("search", 5.0)] * 10)
        progress.begin("duel")
        progress.advance("duel", [episode("search", 5.0)] * 90)
    last = file.getvalue().rpartition("\x1b[2K")[2]  # what follows the last erased line
    return [line.rstrip() for line in ESCAPES.sub("", last).splitlines() if line.strip()]


def episode(player: str, total: float, end: EndReason = EndReason.FINISHED) -> Episode:
    players, returns = (player, "house:random"), (total, 9.0)
    return Episode("", "duel", 1, 0, players, (), returns, (1, 2), (True, False), end)


def test_who_is_ahead_is_a_line_below_the_bars() -> None:
    file = io.StringIO()
    console = Console(file=file, width=60, force_terminal=True)
    with MatchProgress(console).shown() as progress:
        progress.plan({"duel": (0, 10)})
        progress.begin("duel")
        progress.advance("duel", [episode("[b]mine[/b]\x1b[31m", 2.0), episode("search" * 9, 1.0)])
        progress.bars.refresh()
    frames = ESCAPES.sub("\n", file.getvalue()).splitlines()
    (line,) = {frame for frame in frames if frame.startswith("mean returns")}
    assert line.startswith("mean returns on duel: [b]mine[/b]")
    assert line.rstrip().endswith("…")
    assert cell_len(line) <= 60
    assert "\x1b[31m" not in file.getvalue()
    assert "mean returns" not in "".join(frames[-6:])


def test_means_are_of_what_was_played_to_the_end_without_the_house() -> None:
    returns = MeanReturns("duel")
    returns.add([episode("a", 1.0), episode("b", 3.0), episode("a", 2.0)])
    returns.add([episode("a", 100.0, EndReason.AGENT_ERROR)])
    assert returns.means() == [("b", 3.0), ("a", 1.5)]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_bars_are_a_line_each(width: int) -> None:
    lines = shown(width)
    assert [line.split()[0][:3] for line in lines] == ["sna", "due", "[re", "all"]
    assert all(cell_len(line) <= width for line in lines)


def test_what_waits_shows_no_time_and_what_is_done_no_rest() -> None:
    snake, duel, waiting, _ = shown(80)
    assert re.search(r"10/10 \d:\d\d$", snake)
    assert re.search(r"180/1000 \d:\d\d", duel)
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
        progress.advance("snake", [episode("random", 1.0)] * 4)
        progress.advance("snake", [episode("search", 5.0)] * 5 + [episode("search", 2.0)])
    assert file.getvalue().splitlines() == [
        "10 of 10 matches to play",
        "snake: 10 of 10 matches; mean returns on snake: search 4.50, random 1.00",
    ]


def test_trainings_in_a_pipe(tmp_path: Path) -> None:
    file = io.StringIO()
    job = Training("nano", "snake", tmp_path / "nano@snake")
    progress = PreparationProgress(Console(file=file), [job])
    with progress.shown():
        progress.started(job)
        progress.look()
        progress.ended(job, "no space left")
    first, last = file.getvalue().splitlines()
    assert first.startswith("training nano on snake in ")
    assert last == "nano@snake: failed: no space left"


def test_a_training_whose_policy_returns_nothing_ends_with_that_return(tmp_path: Path) -> None:
    job = Training("dqn", "snake", tmp_path)
    file = io.StringIO()
    console = Console(file=file, width=120, force_terminal=True)
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "eval/return": 0.0}\n')
    progress = PreparationProgress(console, [job])
    with progress.shown():
        progress.started(job)
        progress.ended(job, None)
    assert "return 0.00" in ESCAPES.sub("", file.getvalue())


def test_a_training_in_a_pipe_is_a_line_now_and_then_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("arena.views.training_progress.LINE_EVERY_S", 3600.0)  # however slow the machine
    file = io.StringIO()
    with TrainingDisplay("nano on snake", 2, 5, console=Console(file=file, width=40)) as display:
        display.update(3, {"train/return": 0.5, "kl": None})
        display.update(4, {"train/return": 0.75})
        display.note("[b]stepped back[/b]")
        display.update(5, {"train/return": 1.0})
    first, note, last = file.getvalue().splitlines()
    assert first == "step 3/5  train return 0.50"
    assert (note, last) == ("[b]stepped back[/b]", "step 5/5  train return 1.00")


def test_a_training_in_a_terminal_is_a_bar_like_the_others() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True)
    with TrainingDisplay("[red]nano on snake", 0, 4, console=console) as display:
        display.update(3, {"eval/success": 0.25})
    last = ESCAPES.sub("", file.getvalue().rpartition("\x1b[2K")[2])
    assert re.search(r"^\[red\]nano on snake [━╺]+ *3/4 \d:\d\d", last)
    assert re.search(r"held-out success +25%", last)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0:00"), (59.9, "0:59"), (600, "10:00"), (3_723, "1:02:03"), (1e5, "27:46:40")],
)
def test_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
