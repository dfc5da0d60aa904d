"""How a training looks while it runs: a bar and the newest metrics in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from arena.record.store import FILE_NAME, LEAGUE
from arena.training.run_folder import RunFolder
from arena.views.curves import draw_curve
from arena.views.league import write_league
from arena.views.progress import Bars, Lines, time_left

Metrics = Mapping[str, float | int | None]

LINE_EVERY_S = 5.0
SHOWN = (
    ("train/return", "train return", "{:.2f}"),
    ("eval/return", "held-out return", "{:.2f}"),
    ("eval/success", "held-out success", "{:.0%}"),
    ("invalid_rate", "invalid", "{:.1%}"),
    ("eval/invalid_rate", "held-out invalid", "{:.1%}"),
    ("kl", "KL", "{:.4f}"),
    ("entropy", "entropy", "{:.3f}"),
    ("loss", "loss", "{:.4f}"),
    ("epsilon", "epsilon", "{:.2f}"),
)


class TrainingDisplay:
    """A `Reporter` on a console; use it as a context manager."""

    def __init__(self, title: str, done: int, steps: int, *, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._latest: dict[str, float | int] = {}
        self._steps = steps
        self._bars = Bars(self.console, recent_s=math.inf)  # steps may take minutes
        self._task = self._bars.add_task("", name=title, total=steps, completed=done)
        self._lines = Lines(self.console, LINE_EVERY_S, at_once=True)
        self._live = (
            Live(self._view(), console=self.console, refresh_per_second=4)
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> TrainingDisplay:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update(self._view(), refresh=True)
            self._live.stop()

    def update(self, step: int, row: Metrics) -> None:
        """Show a step's metrics; values that are None keep what was shown before."""
        self._latest |= {name: value for name, value in row.items() if value is not None}
        self._bars.update(self._task, completed=step)
        if self._live:
            self._live.update(self._view())
        elif step == self._steps or self._lines.is_due:
            self._lines.say(self._line(step))

    def note(self, text: str) -> None:
        """Something that its reader should know."""
        (self._live.console if self._live else self.console).print(Text(text), soft_wrap=True)

    def ended(self, run: RunFolder) -> None:
        """Draw the run's curve."""
        draw_curve(run)
        if (run.path / LEAGUE / FILE_NAME).is_file():
            write_league(run.path)

    def _line(self, step: int) -> str:
        values = [f"{name} {value}" for name, value in self._values()]
        return "  ".join(filter(None, [f"step {step}/{self._steps}", *values, self._time_left()]))

    def _time_left(self) -> str:
        return time_left(self._bars.tasks[0])

    def _values(self) -> list[tuple[str, str]]:
        return [(label, form.format(self._latest[key])) for key, label, form in SHOWN if key in self._latest]

    def _view(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for label, value in self._values():
            table.add_row(Text(label, style="dim"), Text(value))
        return Group(self._bars, table, Text(self._phases(), style="dim"))

    def _phases(self) -> str:
        seconds = {
            name.removeprefix("seconds/"): value
            for name, value in self._latest.items()
            if name.startswith("seconds/")
        }
        return "seconds a step: " + "  ".join(f"{name} {value:.2f}" for name, value in seconds.items())


def trained(folder: Path) -> str:
    """Where a trained agent is, and how to go on."""
    where, game = _quoted(folder)
    return f"The trained agent is in {folder}; rate it with arena eval {where} --games {game}"


def taught(folder: Path) -> str:
    """Where a taught agent is, and how to go on."""
    where, game = _quoted(folder)
    return f"The taught agent is in {folder}; let it learn by playing with arena train {game} --agent {where}"


def _quoted(folder: Path) -> tuple[str, str]:
    return quote(str(folder)), quote(str(RunFolder.open(folder).config()["game"]))
