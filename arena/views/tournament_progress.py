"""How a tournament looks while it runs: live tables in a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
)
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from arena.match.episode import Episode
from arena.match.seating import HOUSE
from arena.tournament.entrants import Training
from arena.training.status import TrainingStatus
from arena.untrusted import one_line

LINE_EVERY_S = 15.0
LOOK_EVERY_S = 1.0


class _Plain(ProgressColumn):
    """A text field of the task, shown as it is on one line of at most `width` characters."""

    def __init__(self, field: str, width: int) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", max_width=width))
        self._field = field

    def render(self, task: Task) -> Text:
        return Text(one_line(str(task.fields.get(self._field, ""))))


class _Bar(BarColumn):
    """A bar that stays empty until its task moves on; without colours, too, it shows what is done."""

    def render(self, task: Task) -> ProgressBar:
        return ProgressBar(total=task.total or 1.0, completed=task.completed, width=self.bar_width)


class _Time(ProgressColumn):
    """The time that a task has taken and, while it runs, is still expected to take."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        taken = task.finished_time if task.finished else task.elapsed
        if taken is None:
            return Text()
        text = Text(_clock(taken), style="progress.elapsed")
        if not task.finished and task.time_remaining is not None:
            text.append(f", {_clock(task.time_remaining)} left", style="progress.remaining")
        return text


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class _Bars(Progress):
    """Bars, and below them a line that says how it stands."""

    below: Text | None = None

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.below is not None:
            yield self.below


def _bars(console: Console, *more: ProgressColumn) -> _Bars:
    wide = console.width >= 100
    return _Bars(
        _Plain("name", 32 if wide else 24),
        _Bar(40 if wide else 12),
        MofNCompleteColumn(table_column=Column(justify="right", no_wrap=True)),
        *more,
        _Time(table_column=Column(no_wrap=True, min_width=19)),
        console=console,
        refresh_per_second=4,
        disable=not console.is_terminal,
    )


class MatchProgress:
    """A bar per game, one for all of them, and who is ahead. Listens to `tournament.play_missing`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = _bars(console)
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._last_line = time.monotonic()

    def plan(self, games: Mapping[str, tuple[int, int]]) -> None:
        self._counts = dict(games)
        for game, (done, total) in games.items():
            self._tasks[game] = self._bars.add_task("", start=False, name=game, completed=done, total=total)
        done, total = (sum(column) for column in zip(*games.values(), strict=True))
        self._all = self._bars.add_task("", name="all games", completed=done, total=total)
        self._line(f"{total - done} of {total} matches to play")

    def begin(self, game: str) -> None:
        self._so_far = SoFar(game)
        self._bars.start_task(self._tasks[game])

    def advance(self, game: str, episodes: Sequence[Episode]) -> None:
        done, total = self._counts[game]
        done += len(episodes)
        self._counts[game] = (done, total)
        self._so_far.add(episodes)
        standing = self._so_far.line() if self._so_far.means() else None
        self._bars.below = standing
        self._bars.advance(self._tasks[game], len(episodes))
        self._bars.advance(self._all, len(episodes))
        if done == total or time.monotonic() - self._last_line > LINE_EVERY_S:
            self._line(f"{game}: {done} of {total} matches" + (f"; {standing}" if standing else ""))

    def _line(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(Text(text), soft_wrap=True)
            self._last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[MatchProgress]:
        """Show the bars while the block runs."""
        with self._bars:
            yield self
            self._bars.below = None  # the leaderboard comes next


class TournamentDisplay:
    """A tournament on a console: first its trainings, then its matches. A `tournament.run.Display`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def trainings(self, waiting: Sequence[Training]) -> AbstractContextManager[TrainingProgress]:
        return TrainingProgress(self._console, waiting).shown()

    def matches(self) -> AbstractContextManager[MatchProgress]:
        return MatchProgress(self._console).shown()


class TrainingProgress:
    """A bar per training, fed from the metrics it writes. Watches `prepare.train_all`."""

    def __init__(self, console: Console, trainings: Sequence[Training]) -> None:
        self._console = console
        self._bars = _bars(console, _Plain("note", 12))
        self._tasks = {
            training: self._bars.add_task("", start=False, total=None, name=training.name, note="waiting")
            for training in trainings
        }
        self._running: dict[Training, TrainingStatus] = {}
        self._last_look = self._last_line = time.monotonic()

    def started(self, training: Training) -> None:
        self._running[training] = TrainingStatus(training.folder)
        self._bars.start_task(self._tasks[training])
        self._bars.update(self._tasks[training], note="starting")
        self._line(f"training {training.agent} on {training.game} in {training.folder}")

    def look(self) -> None:
        if time.monotonic() - self._last_look < LOOK_EVERY_S:
            return
        self._last_look = time.monotonic()
        for training, status in self._running.items():
            status.update()
            if status.step:
                note = "" if status.mean_return is None else f"return {status.mean_return:.2f}"
                self._bars.update(self._tasks[training], completed=status.step, total=status.steps, note=note)
        if time.monotonic() - self._last_line > LINE_EVERY_S:
            self._line("; ".join(f"{job.name} {status}" for job, status in self._running.items()))

    def ended(self, training: Training, error: str | None) -> None:
        status = self._running.pop(training)
        status.update()
        note = "failed" if error else f"return {status.mean_return:.2f}" if status.mean_return else "done"
        self._bars.update(
            self._tasks[training], completed=status.step, total=status.steps or status.step, note=note
        )
        self._bars.stop_task(self._tasks[training])
        self._line(f"{training.name}: {f'failed: {error}' if error else f'trained, {status}'}")

    def _line(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(Text(text), soft_wrap=True)
            self._last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[TrainingProgress]:
        """Show the bars while the block runs."""
        with self._bars:
            yield self


class SoFar:
    """The mean returns of a game's players over the episodes that were added, the house left out."""

    def __init__(self, game: str) -> None:
        self.game = game
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, episodes: Iterable[Episode]) -> None:
        """Episodes that came to nothing count for nobody."""
        for episode in episodes:
            if not episode.end.rated:
                continue
            for player, total in zip(episode.players, episode.returns, strict=True):
                if not player.startswith(HOUSE):
                    self._sums[player] += total
                    self._counts[player] += 1

    def means(self) -> list[tuple[str, float]]:
        """Players and their mean returns, the best first."""
        means = {player: self._sums[player] / self._counts[player] for player in self._sums}
        return sorted(means.items(), key=lambda entry: (-entry[1], entry[0]))

    def line(self) -> Text:
        """The same on one line, as long as it may be."""
        players = ", ".join(f"{one_line(player)} {mean:.2f}" for player, mean in self.means())
        return Text(f"mean returns on {one_line(self.game)}: {players}", no_wrap=True, overflow="ellipsis")
