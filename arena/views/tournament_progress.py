"""How a tournament looks while it runs: first its trainings, then its matches and who is ahead."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import TaskID
from rich.text import Text

from arena.match.episode import Episode
from arena.match.seating import HOUSE
from arena.tournament.entrants import Training
from arena.training.status import TrainingStatus
from arena.untrusted import one_line
from arena.views.messages import warn
from arena.views.progress import BarDisplay, Field

LOOK_EVERY_S = 1.0


class TournamentDisplay:
    """A tournament on a console. A `tournament.run.Display`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def left_out(self, problems: Collection[str]) -> None:
        for problem in problems:
            warn(f"{one_line(problem)}; left out there")

    def trainings(self, waiting: Sequence[Training]) -> AbstractContextManager[PreparationProgress]:
        return PreparationProgress(self._console, waiting).shown()

    def matches(self) -> AbstractContextManager[MatchProgress]:
        return MatchProgress(self._console).shown()


class PreparationProgress(BarDisplay):
    """A bar per training, fed from the metrics it writes. Watches `prepare.train_all`."""

    def __init__(self, console: Console, trainings: Sequence[Training]) -> None:
        super().__init__(console, Field("note", 12))
        self._tasks = {
            training: self.bars.add_task("", start=False, total=None, name=training.name, note="waiting")
            for training in trainings
        }
        self._running: dict[Training, TrainingStatus] = {}
        self._last_look = time.monotonic()

    def started(self, training: Training) -> None:
        self._running[training] = TrainingStatus(training.folder)
        self.bars.start_task(self._tasks[training])
        self.bars.update(self._tasks[training], note="starting")
        self.lines.say(f"training {training.agent} on {training.game} in {training.folder}")

    def look(self) -> None:
        if time.monotonic() - self._last_look < LOOK_EVERY_S:
            return
        self._last_look = time.monotonic()
        for training, status in self._running.items():
            status.update()
            if status.step:
                note = "" if status.mean_return is None else f"return {status.mean_return:.2f}"
                self.bars.update(self._tasks[training], completed=status.step, total=status.steps, note=note)
        if self.lines.is_due:
            self.lines.say("; ".join(f"{job.name} {status}" for job, status in self._running.items()))

    def ended(self, training: Training, error: str | None) -> None:
        status = self._running.pop(training)
        status.update()
        scored = status.mean_return
        note = "failed" if error else "done" if scored is None else f"return {scored:.2f}"
        self.bars.update(
            self._tasks[training], completed=status.step, total=status.steps or status.step, note=note
        )
        self.bars.stop_task(self._tasks[training])
        self.lines.say(f"{training.name}: {f'failed: {error}' if error else f'trained, {status}'}")


class MatchProgress(BarDisplay):
    """A bar per game, one for all of them, and who is ahead. Listens to `tournament.play_missing`."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._returns: dict[str, MeanReturns] = {}

    def plan(self, games: Mapping[str, tuple[int, int]]) -> None:
        self._counts = dict(games)
        for game, (done, total) in games.items():
            self._tasks[game] = self.bars.add_task("", start=False, name=game, completed=done, total=total)
        done, total = (sum(column) for column in zip(*games.values(), strict=True))
        self._all = self.bars.add_task("", name="all games", completed=done, total=total)
        self.lines.say(f"{total - done} of {total} matches to play")

    def begin(self, game: str) -> None:
        self._returns[game] = MeanReturns(game)
        self.bars.start_task(self._tasks[game])

    def advance(self, game: str, episodes: Sequence[Episode]) -> None:
        done, total = self._counts[game]
        done += len(episodes)
        self._counts[game] = (done, total)
        returns = self._returns[game]
        returns.add(episodes)
        standing = returns.line() if returns.means() else None
        self.bars.below = standing
        self.bars.advance(self._tasks[game], len(episodes))
        self.bars.advance(self._all, len(episodes))
        if done == total or self.lines.is_due:
            self.lines.say(f"{game}: {done} of {total} matches" + (f"; {standing}" if standing else ""))


class MeanReturns:
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
