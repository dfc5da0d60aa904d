"""From what cells have stored to tables of values (S trainings, E episodes), and learning curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arena.study.config import BASE, Claim, Side
from arena.study.outcomes import Asked, Outcomes
from arena.study.plan import Arm, Cell, Plan
from arena.study.statistics import Floats, Interval
from arena.study.worker import RUN, Job, finished
from arena.training.metrics_file import MetricsFile, is_number
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_games.snake.rules import SnakeConfig

TO_REACH = "episodes_to:"
ALONE = -1  # the seed under which what is not trained stands in a table


@dataclass(frozen=True, slots=True)
class Table:
    """Values by training, (S, E), and the seeds of the trainings; of who is untrained one row."""

    seeds: tuple[int, ...]
    values: Floats

    def rows(self, seeds: tuple[int, ...]) -> Floats:
        """The rows of these seeds; the one row of who is untrained for each of them."""
        if self.seeds == (ALONE,):
            return np.repeat(self.values, max(1, len(seeds)), axis=0)
        return self.values[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, slots=True)
class Found:
    """A study's cells in a folder, as far as they are done."""

    plan: Plan
    out: Path

    def done(self, cell: Cell) -> bool:
        """Whether everything of the cell is there."""
        return finished(cell.folder(self.out), Job.of(cell, self.plan.study.evaluation))

    def outcomes(self, cell: Cell, policy: str, game: str, decoding: str) -> Outcomes:
        """What a policy's test episodes came to, as many as the study wants."""
        look = self.plan.study.evaluation
        asked = Asked(policy, find_game(game), look.episodes, look.seed, decoding)
        return asked.found(cell.folder(self.out))

    def table(self, cells: Mapping[int, Cell], policy: str, game: str, decoding: str, metric: str) -> Table:
        """A metric's values of those cells that are done."""
        look, seeds, rows = self.plan.study.evaluation, [], []
        for seed, cell in cells.items():
            if self.done(cell):
                found = self.outcomes(cell, policy, game, decoding)
                if len(found) >= look.episodes:
                    seeds.append(seed)
                    rows.append(column(found, metric)[: look.episodes])
        return Table(tuple(seeds), np.array(rows).reshape(len(rows), look.episodes if rows else 0))

    def side(self, side: Side, claim: Claim, other: Side | None) -> Table:
        """The values of one side of a claim."""
        arm = None if side.reference else self.plan.arm_of(side, claim)
        game = find_game(self._game(side, claim, other)).name
        if claim.metric.startswith(TO_REACH):
            share = float(claim.metric.removeprefix(TO_REACH))
            done = {seed: cell for seed, cell in arm.cells.items() if self.done(cell)} if arm else {}
            reached = [[episodes_to(self.rows_of(cell), share)] for cell in done.values()]
            return Table(tuple(done), np.array(reached).reshape(len(done), 1))
        if arm is None:
            cells = {ALONE: self.plan.references[str(side.reference)]}
            return self.table(cells, BASE, game, side.decoding, claim.metric)
        if side.policy == BASE:
            assert arm.base is not None
            return self.table({ALONE: arm.base}, BASE, game, side.decoding, claim.metric)
        return self.table(arm.cells, side.policy, game, side.decoding, claim.metric)

    def _game(self, side: Side, claim: Claim, other: Side | None) -> str:
        """What is played: as said, else as the other side has it, else what the arm is trained on."""
        if side.on is not None:
            return side.on
        if other is not None and other.on is not None:
            return other.on
        trained = next((one for one in (side, other) if one is not None and one.reference is None), None)
        if trained is None:
            raise UsageError(f"the claim {claim.says!r} compares references; say on which game: on = …")
        return self.plan.arm_of(trained, claim).game

    def rows_of(self, cell: Cell) -> list[dict[str, Any]]:
        """The metrics of a cell's training."""
        return MetricsFile(cell.folder(self.out) / RUN / "metrics.jsonl").rows()


def paired(first: Table, second: Table, factor: float) -> tuple[tuple[int, ...], Floats]:
    """The seeds that both have, and the first's values less `factor` times the second's, (S, E).

    Episodes that were cut short for either, by nobody's fault, are left out for all.
    """
    alone = (ALONE,)
    if first.seeds == second.seeds == alone:
        seeds: tuple[int, ...] = alone
    elif alone in (first.seeds, second.seeds):
        seeds = second.seeds if first.seeds == alone else first.seeds
    else:
        seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds or not first.seeds or not second.seeds:
        return (), np.zeros((0, 0))
    return seeds, whole(first.rows(seeds) - factor * second.rows(seeds))


def whole(values_SE: Floats) -> Floats:
    """The table without the episodes of which a value is missing."""
    kept: Floats = values_SE[:, ~np.isnan(values_SE).any(axis=0)]
    return kept


def column(found: Outcomes, metric: str) -> Floats:
    """A metric of each episode, (E,); NaN where one does not count. UsageError if a game has none."""
    values = np.array(_METRICS[metric](found), dtype=np.float64)
    values[~np.array(found.counts, dtype=bool)] = math.nan
    return values


def bounds(game: str, metric: str) -> Interval | None:
    """The least and the greatest value of an episode, where it is known."""
    if metric == "return":
        return find_game(game).span
    return None if metric == "apples" or metric.startswith(TO_REACH) else (0.0, 1.0)


def metrics_of(game: str) -> tuple[str, ...]:
    """What tells something of an episode: of a single snake its apples and its death apart, too."""
    config = find_game(game).config
    alone = isinstance(config, SnakeConfig) and config.open_seats == 1
    return ("success", "return", "deaths", "apples") if alone else ("success", "return")


def _snake(found: Outcomes) -> SnakeConfig:
    config = find_game(found.game).config
    if not isinstance(config, SnakeConfig) or config.open_seats > 1:
        raise UsageError(f"deaths and apples are told apart in snake alone, not in {found.game}")
    return config


def _deaths(found: Outcomes) -> list[float]:
    _snake(found)
    return [float(not success) for success in found.successes]


def _apples(found: Outcomes) -> list[float]:
    """A return is what apples and, once, a death have paid; who lives at the horizon has not died."""
    config, deaths = _snake(found), _deaths(found)
    paid = zip(found.returns, deaths, strict=True)
    return [(value - config.death_reward * death) / config.apple_reward for value, death in paid]


_METRICS: Mapping[str, Callable[[Outcomes], Any]] = {
    "success": lambda found: found.successes,
    "return": lambda found: found.returns,
    "invalid": lambda found: np.array(found.invalid) / np.maximum(1, found.decisions),
    "deaths": _deaths,
    "apples": _apples,
}


def learned_from(rows: list[dict[str, Any]]) -> list[float]:
    """Episodes that went into updates up to each row: those kept, where that is logged, else those played."""
    kept, total = [], 0.0
    for row in rows:
        total += float(row.get("kept_episodes") or 0)
        kept.append(total)
    return kept if total else [float(row.get("episodes") or 0) for row in rows]


def episodes_to(rows: list[dict[str, Any]], share: float) -> float:
    """Episodes learned from when held-out success first reached a share; all there were if it never did."""
    so_far = learned_from(rows)
    for row, episodes in zip(rows, so_far, strict=True):
        if is_number(row.get("eval/success")) and row["eval/success"] >= share:
            return episodes
    return so_far[-1] if so_far else math.nan


def name_of(arm: Arm | None, side: Side) -> str:
    """A side in a few words."""
    words = [
        side.reference
        or (arm.name if arm and side.policy != BASE else f"untrained {arm.agent if arm else ''}")
    ]
    words += [side.policy] if side.policy not in ("best", BASE) and not side.reference else []
    words += [side.decoding] if side.decoding != "sampled" else []
    return ", ".join(words)
