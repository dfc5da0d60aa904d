"""What every display of progress is made of: bars in a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from arena.untrusted import one_line
from arena.views.numbers import clock

LINE_EVERY_S = 15.0
WIDE = 100  # columns from which names and bars are longer


class Field(ProgressColumn):
    """A text field of the task, shown as it is on one line of at most `width` characters."""

    def __init__(self, field: str, width: int) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", max_width=width))
        self._field = field

    def render(self, task: Task) -> Text:
        return Text(one_line(str(task.fields.get(self._field, ""))))


class Bar(BarColumn):
    """A bar that stays empty until its task moves on; without colours, too, it shows what is done."""

    def render(self, task: Task) -> ProgressBar:
        return ProgressBar(total=task.total or 1.0, completed=task.completed, width=self.bar_width)


class Time(ProgressColumn):
    """The time that a task has taken and, while it runs, is still expected to take."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        taken = task.finished_time if task.finished else task.elapsed
        if taken is None:
            return Text()
        text = Text(clock(taken), style="progress.elapsed")
        if left := time_left(task):
            text.append(f", {left}", style="progress.remaining")
        return text


def time_left(task: Task) -> str:
    """What a task is still expected to take; empty when it is done, or nobody knows yet."""
    if task.finished or task.time_remaining is None:
        return ""
    return f"{clock(task.time_remaining)} left"


class Bars(Progress):
    """A line for each task: its `name`, a bar, how much is done, more columns, the time. Hidden in a pipe.

    `below` is a line under all of them. `recent_s` is how far back the speed is measured.
    """

    below: Text | None = None

    def __init__(
        self, console: Console, *more: ProgressColumn, transient: bool = False, recent_s: float = 30.0
    ) -> None:
        wide = console.width >= WIDE
        super().__init__(
            Field("name", 32 if wide else 24),
            Bar(40 if wide else 12),
            MofNCompleteColumn(table_column=Column(justify="right", no_wrap=True)),
            *more,
            Time(table_column=Column(no_wrap=True, min_width=19)),
            console=console,
            refresh_per_second=4,
            speed_estimate_period=recent_s,
            transient=transient,
            disable=not console.is_terminal,
        )

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.below is not None:
            yield self.below


class Lines:
    """Plain lines where there is no terminal; one `is_due` when the last is `every_s` ago, or `at_once`."""

    def __init__(self, console: Console, every_s: float = LINE_EVERY_S, *, at_once: bool = False) -> None:
        self._console, self._every_s = console, every_s
        self._last = -math.inf if at_once else time.monotonic()

    @property
    def is_due(self) -> bool:
        return not self._console.is_terminal and time.monotonic() - self._last > self._every_s

    def say(self, text: str) -> None:
        """Print it, but for a terminal, where bars tell as much."""
        if not self._console.is_terminal:
            self._console.print(Text(text), soft_wrap=True)
            self._last = time.monotonic()


class BarDisplay:
    """Bars and lines on a console, shown while a block runs."""

    def __init__(self, console: Console, *more: ProgressColumn, transient: bool = False) -> None:
        self.bars = Bars(console, *more, transient=transient)
        self.lines = Lines(console)

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """Show the bars while the block runs; the line below them goes with it."""
        with self.bars:
            yield self
            self.bars.below = None
