"""A training as its page shows it, read from the run's folder once; a running one's too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.training.best_look import best_look
from arena.training.metrics_file import is_number
from arena.training.run_folder import RunFolder
from arena.training.sampled import SampledEpisode, sampled_episodes
from arena.views.curves import Curve
from arena_games.base import UsageError
from arena_leaderboard import share_ci95

LARGEST = 1e12  # what is measured beyond it is no measurement, and cannot be drawn
PHASE = "seconds/"
Points = tuple[tuple[int, float], ...]  # (step, value)
Interval = tuple[float, float]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What the held-out episodes of one step showed; None for what was not measured.

    `success_ci95` is Wilson's interval. `best` marks the policy that the run keeps, `stepped_back` a look
    after which the run went back to the best policy.
    """

    step: int
    episodes: int | None
    seconds: float | None
    mean_return: float | None
    success: float | None
    success_ci95: Interval | None
    invalid_rate: float | None
    best: bool
    stepped_back: bool


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A training run: its settings, its versions, what it measured, and episodes that it kept."""

    name: str
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    rows: Sequence[Row]
    looks: Sequence[Look]
    episodes: Sequence[SampledEpisode] = ()

    def points(self, metric: str) -> Points:
        """A metric by step, where it was measured and can be drawn."""
        return tuple((row["step"], value) for row in self.rows if (value := _value(row, metric)) is not None)

    def last(self, metric: str) -> float | None:
        """Its newest value."""
        points = self.points(metric)
        return points[-1][1] if points else None

    def text(self, setting: str) -> str:
        """A setting as text, a question mark for one that is not there."""
        return str(self.config.get(setting, "?"))

    @property
    def held_out_episodes(self) -> int | None:
        """How many episodes a look plays."""
        return _count(self.config.get("eval_episodes"))

    @property
    def step_backs(self) -> tuple[int, ...]:
        """The steps after which the run went back to an earlier policy."""
        return tuple(_step_backs(self.rows))

    @property
    def phases(self) -> Mapping[str, Points]:
        """Seconds a step by phase, without the steps that had no such phase."""
        names = dict.fromkeys(name for row in self.rows for name in row if name.startswith(PHASE))
        spent = {name: tuple(point for point in self.points(name) if point[1] > 0) for name in names}
        return {name.removeprefix(PHASE): points for name, points in spent.items() if points}

    @property
    def payoffs(self) -> Mapping[str, float]:
        """The league's newest shares of the points by opponent."""
        names = dict.fromkeys(name for row in self.rows for name in row if name.startswith("payoff/"))
        newest = {name.removeprefix("payoff/"): self.last(name) for name in names}
        return {name: value for name, value in newest.items() if value is not None}


def read_training(folder: Path) -> TrainingData:
    """Read the training in `folder`. Raises UsageError if there is none, if it is damaged, or still empty."""
    curve, run = Curve.read(folder), RunFolder.open(folder)
    if not curve.rows:
        raise UsageError(
            f"{folder} has measured nothing yet; arena report shows a training from its first row"
        )
    there = (folder / "environment.json").is_file()
    return TrainingData(
        name=folder.absolute().name,
        config=curve.config,
        environment=run.environment() if there else {},
        rows=curve.rows,
        looks=_looks(curve),
        episodes=sampled_episodes(folder),
    )


def _looks(curve: Curve) -> tuple[Look, ...]:
    episodes = _count(curve.config.get("eval_episodes"))
    back = set(_step_backs(curve.rows))
    looked = [row for row in curve.rows if _value(row, "eval/return") is not None]
    best = (best_look(looked) or {}).get("step")
    return tuple(_look(row, episodes, best=row["step"] == best, back=row["step"] in back) for row in looked)


def _look(row: Row, episodes: int | None, *, best: bool, back: bool) -> Look:
    success = _value(row, "eval/success")
    return Look(
        step=row["step"],
        episodes=_count(row.get("episodes")),
        seconds=_value(row, "seconds"),
        mean_return=_value(row, "eval/return"),
        success=success,
        success_ci95=None if success is None or not episodes else interval(success, episodes),
        invalid_rate=_value(row, "eval/invalid_rate"),
        best=best,
        stepped_back=back,
    )


def interval(share: float, episodes: int) -> Interval:
    """Wilson's 95 % interval of a share of so many episodes."""
    return share_ci95(round(min(max(share, 0.0), 1.0) * episodes), episodes)


def _step_backs(rows: Sequence[Row]) -> Iterator[int]:
    before = 0.0
    for row in rows:
        number = _value(row, "rollbacks")
        if number is not None:
            if number > before:
                yield row["step"]
            before = number


def _value(row: Row, metric: str) -> float | None:
    value = row.get(metric)
    return float(value) if is_number(value) and abs(value) < LARGEST else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST else None
