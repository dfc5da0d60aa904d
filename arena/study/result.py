"""What a study found, as it is stored in `study.json`: no times, so the same study gives the same bytes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from arena.study.statistics import Interval

VERSION = 1
Judgement = Literal["supported", "not supported", "open", "not asked"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CellState(_Record):
    """One cell: whose, and whether it is done. `best_step` is the step of a training's best policy."""

    key: str
    name: str
    seed: int | None
    done: bool
    error: str | None = None
    best_step: int | None = None
    rollbacks: tuple[int, ...] = ()


class Score(_Record):
    """The mean of a metric over trainings and test episodes. `spread` is the deviation over trainings.

    `policy` is best, last, or base (untrained); `trained_on` is None for who is not trained.
    """

    name: str
    trained_on: str | None
    policy: str
    decoding: str
    game: str
    metric: str
    mean: float
    ci95: Interval
    spread: float | None
    seeds: int
    episodes: int
    by_seed: tuple[float, ...]


class Judged(_Record):
    """A comparison and what became of it: the difference (or value), its interval, chance, verdict.

    `claim` is the verdict of all comparisons that say the same.
    """

    says: str
    paper: str
    first: str
    second: str
    metric: str
    holds: str
    margin: float
    value: float | None = None
    ci95: Interval | None = None
    chance: float | None = None
    adjusted: float | None = None
    verdict: Judgement
    claim: Judgement = "open"
    seeds: int = 0
    episodes: int = 0
    seeds_needed: int | None = None
    note: str = ""
    statistic: Literal["mean", "spread"] = "mean"


class Transfer(_Record):
    """By how much a policy trained on one game beats its own untrained base on another, drawn alike."""

    name: str
    trained_on: str
    game: str
    decoding: str
    metric: str
    difference: float
    ci95: Interval
    seeds: int
    episodes: int


class CurveBand(_Record):
    """Held-out scores along the steps: mean, lowest and highest over trainings, and the best training's.

    `learned_from` are the episodes learned from so far, `played` those played, both means over trainings.
    """

    name: str
    game: str
    metric: str
    steps: tuple[int, ...]
    learned_from: tuple[float, ...]
    played: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    best: tuple[float, ...]
    seeds: int


class StudyResult(_Record):
    """All of it."""

    version: int = VERSION
    name: str
    title: str
    about: str
    study: dict[str, Any]
    cells: tuple[CellState, ...]
    claims: tuple[Judged, ...]
    scores: tuple[Score, ...]
    transfer: tuple[Transfer, ...]
    curves: tuple[CurveBand, ...]
