"""How a study looks while it runs: a bar of all its steps with the time that is left, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arena.study.plan import Cell
from arena.study.run import steps_done, steps_of
from arena.untrusted import one_line
from arena.views.progress import Bars, Lines, time_left


class StudyDisplay:
    """A `Watcher` on a console; use it as a context manager."""

    def __init__(
        self, cells: Mapping[str, tuple[str, Cell]], out: Path, console: Console | None = None
    ) -> None:
        self.console = console or Console(stderr=True)
        self._cells, self._out, self._ended = cells, out, 0
        self._left = {key: cell for key, (_, cell) in cells.items()}
        self._all = steps_of([cell for _, cell in cells.values()])
        self._bars, self._lines = Bars(self.console, recent_s=600), Lines(self.console)
        self._task = self._bars.add_task("", name="study", total=self._all, completed=self._done())

    def __enter__(self) -> StudyDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.look()
        self._bars.stop()

    def started(self, name: str) -> None: ...

    def look(self) -> None:
        """Read how far the cells have come."""
        done = self._done()
        if done != self._bars.tasks[0].completed:
            self._bars.update(self._task, completed=done)
        if self._lines.is_due:
            self._lines.say(f"{self._ended} of {len(self._cells)} cells  {done}/{self._all}  {self._time()}")

    def ended(self, name: str, error: str | None) -> None:
        """Tell of a cell that failed; one that is done counts whole."""
        cell, self._ended = self._left.pop(name), self._ended + 1
        if error is not None:
            where = cell.folder(self._out) / "log.txt"
            line = f"failed: {self._cells[name][0]}: {one_line(error)}; see {where}"
            self._bars.console.print(Text(line, "yellow"), soft_wrap=True)

    def _done(self) -> int:
        whole = self._all - steps_of(list(self._left.values()))
        return whole + sum(steps_done(cell, self._out) for cell in self._left.values())

    def _time(self) -> str:
        return time_left(self._bars.tasks[0])
