"""What a study will take, from samples: two updates and some test episodes of each agent on each game.

Arms that differ by settings alone are taken to cost what the first of them does. Nothing of a sample is kept.
On a busy machine a forecast is of a busy machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from arena.study.outcomes import Asked, play_outcomes
from arena.study.plan import Cell, Plan
from arena.study.run import unfinished
from arena.study.worker import Job
from arena.training.metrics_file import MetricsFile
from arena.training.options import TrainOptions
from arena.training.resume import OF_THE_MACHINE
from arena.training.start import start
from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import UsageError

SAMPLE = 32  # test episodes of a sample, played at once
UPDATES = 2  # of a sample, of which the last counts: the first one warms up


@dataclass(frozen=True, slots=True)
class Forecast:
    """Trainings and evaluations that are left, their seconds of one process, and tokens drawn in training."""

    trainings: int
    untrained: int
    episodes: int
    training_seconds: float
    evaluation_seconds: float
    tokens: float

    def hours(self, workers: int) -> float:
        """Of so many processes side by side, none of them idle."""
        return (self.training_seconds + self.evaluation_seconds) / workers / 3600


def forecast(plan: Plan, out: Path, say: Callable[[str], None] = lambda line: None) -> Forecast:
    """What is left of a plan in `out`. Raises UsageError where a sample cannot be taken."""
    left = unfinished(plan, out)
    samples: dict[tuple[str, str], tuple[float, float]] = {}
    speeds: dict[tuple[str, str], float] = {}
    total = Forecast(0, 0, 0, 0.0, 0.0, 0.0)
    for cell in left:
        if cell.config is not None:
            kind = (cell.agent, str(cell.config["game"]))
            if kind not in samples:
                say(f"sampling {UPDATES} updates: {kind[0]} on {kind[1]}")
                samples[kind] = _training(cell)
        asked = list(Job.of(cell, plan.study.evaluation).asked())
        total = _with(total, cell, asked, samples, speeds, say)
    return total


def _with(
    total: Forecast,
    cell: Cell,
    asked: list[Asked],
    samples: dict[tuple[str, str], tuple[float, float]],
    speeds: dict[tuple[str, str], float],
    say: Callable[[str], None],
) -> Forecast:
    seconds = 0.0
    for one in asked:
        kind = (cell.agent, one.game.name)
        if kind not in speeds:
            say(f"sampling {SAMPLE} episodes: {kind[0]} on {kind[1]}")
            speeds[kind] = _evaluation(cell, one)
        seconds += speeds[kind] * one.episodes
    trained, tokens = (0.0, 0.0) if cell.config is None else samples[cell.agent, str(cell.config["game"])]
    return Forecast(
        total.trainings + (cell.config is not None),
        total.untrained + (cell.config is None),
        total.episodes + sum(one.episodes for one in asked),
        total.training_seconds + trained,
        total.evaluation_seconds + seconds,
        total.tokens + tokens,
    )


def _training(cell: Cell) -> tuple[float, float]:
    """Seconds and tokens of the cell's training, from its second update."""
    config = dict(cell.config or {})
    steps, looks = int(config["steps"]), int(config["steps"]) // int(config["eval_every"])
    given = {k: v for k, v in config.items() if k not in ("version", *OF_THE_MACHINE)} | {
        "steps": min(steps, UPDATES)
    }
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        start(TrainOptions(out=Path(folder) / "run", settings=given))
        whole = time.monotonic() - began
        rows = MetricsFile(Path(folder) / "run" / "metrics.jsonl").rows()
    row = rows[-1]
    look = float(row.get("seconds/eval") or 0.0)
    update = sum(float(row.get(f"seconds/{phase}") or 0.0) for phase in ("rollout", "update", "sync"))
    if not update:  # a trainer that does not tell its phases apart
        update = float(row.get("seconds") or whole) / min(steps, UPDATES)
    return update * steps + look * looks, float(row.get("tokens") or 0) * steps


def _evaluation(cell: Cell, asked: Asked) -> float:
    """Seconds of one test episode, played by what the cell starts from."""
    agent = _stand_in(cell.agent)
    with TemporaryDirectory() as folder:
        play_outcomes(agent, replace(asked, episodes=1, seed=asked.seed + 1), Path(folder))  # warms up
        began = time.monotonic()
        play_outcomes(agent, replace(asked, episodes=SAMPLE), Path(folder))
        return (time.monotonic() - began) / SAMPLE


def _stand_in(agent: str) -> Agent:
    """Who plays for an agent that has to be trained to play at all."""
    try:
        return make_agent("random" if agent == "dqn" else agent)
    except UsageError as error:
        raise UsageError(f"the study's agent cannot be made: {error}") from error
