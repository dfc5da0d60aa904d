"""What a study found: scores, claims by their rules, transfer, curves. Nothing is played here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from arena.study.config import BASE
from arena.study.judge import judged_claims
from arena.study.outcomes import AS_IT_IS
from arena.study.plan import Arm, Cell, Plan, decodings
from arena.study.result import CellState, CurveBand, Score, StudyResult, Transfer
from arena.study.statistics import (
    Floats,
    Interval,
    two_level,
)
from arena.study.tables import ALONE, Found, bounds, learned_from, metrics_of, paired, whole
from arena.training.best_look import best_look
from arena.training.metrics_file import is_number
from arena_leaderboard import mean_ci95

PER_EPISODE = ("success", "return")


def analyse(plan: Plan, out: Path, errors: Mapping[str, str] | None = None) -> StudyResult:
    """The study's result as far as its cells in `out` are done; `errors` are what went wrong, by cell."""
    found = Found(plan, out)
    return StudyResult(
        name=plan.name,
        title=plan.study.title,
        about=plan.study.about,
        study=plan.study.model_dump(mode="json"),
        cells=tuple(_cells(found, errors or {})),
        claims=judged_claims(found),
        scores=tuple(_scores(found)),
        transfer=tuple(_transfer(found)),
        curves=tuple(_curves(found)),
    )


def _cells(found: Found, errors: Mapping[str, str]) -> Iterator[CellState]:
    names = {cell.key: (arm.name, seed) for arm in found.plan.arms for seed, cell in arm.cells.items()}
    for cell in found.plan.cells:
        name, seed = names.get(cell.key, (f"untrained {cell.agent}", None))
        done = found.done(cell)
        best, steps_back = _collapses(found.rows_of(cell)) if cell.config and done else (None, ())
        yield CellState(
            key=cell.key,
            name=name,
            seed=seed,
            done=done,
            error=errors.get(cell.key),
            best_step=best,
            rollbacks=steps_back,
        )


def _collapses(rows: list[dict[str, object]]) -> tuple[int | None, tuple[int, ...]]:
    """The step of the best held-out return (of equals the last), and of steps back."""
    best = (best_look(rows) or {}).get("step")
    counts = [(int(str(row.get("rollbacks") or 0)), row["step"]) for row in rows]
    back = [step for (now, step), (was, _) in zip(counts[1:], counts, strict=False) if now > was]
    return (None if best is None else int(str(best))), tuple(int(str(step)) for step in back)


def _scores(found: Found) -> Iterator[Score]:
    look = found.plan.study.evaluation
    for name, cell in _untrained(found.plan):
        for game in found.plan.games:
            for decoding in _drawn(found, cell, BASE, game, decodings(look, untrained=True)):
                yield from _score(found, name, None, {ALONE: cell}, BASE, game, decoding)
    for arm in found.plan.arms:
        for policy in look.policies:
            for game in (arm.game,) if policy == "last" else found.plan.games:
                for decoding in _drawn(found, arm.cells[0], policy, game, look.decoding):
                    yield from _score(found, arm.name, arm.game, arm.cells, policy, game, decoding)


def _drawn(found: Found, cell: Cell, policy: str, game: str, decodings: tuple[str, ...]) -> tuple[str, ...]:
    """The decodings; of an agent that has none to choose, that it plays as it is."""
    alike = found.outcomes(cell, policy, game, decodings[0]).decoding == AS_IT_IS
    return (AS_IT_IS,) if alike else decodings


def _untrained(plan: Plan) -> list[tuple[str, Cell]]:
    bases = {f"untrained {arm.agent}": arm.base for arm in plan.arms if arm.base is not None}
    return [*bases.items(), *plan.references.items()]


def _score(
    found: Found,
    name: str,
    trained_on: str | None,
    cells: Mapping[int, Cell],
    policy: str,
    game: str,
    decoding: str,
) -> Iterator[Score]:
    for metric in PER_EPISODE if game in found.plan.games else ():
        table = found.table(cells, policy, game, decoding, metric)
        values = whole(table.values) if table.seeds else table.values
        if not values.size:
            continue
        span, means = bounds(game, metric), values.mean(axis=1).tolist()
        value, ci95 = _mean(values, span)
        yield Score(
            name=name,
            trained_on=trained_on,
            policy=policy,
            decoding=decoding,
            game=game,
            metric=metric,
            mean=value,
            ci95=ci95,
            spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
            seeds=len(means) if trained_on else 0,
            episodes=values.shape[1],
            by_seed=tuple(means) if trained_on else (),
        )


def _mean(values: Floats, span: Interval | None) -> tuple[float, Interval]:
    """The mean and its interval; of one row alone as `arena eval` gives it, Wilson's for a share."""
    if len(values) == 1:
        value, ci95 = mean_ci95(values[0].tolist(), spans=[span])
        return value, ci95 or (value, value)
    estimate = two_level(values, span=span)
    return estimate.value, _within(estimate.interval(), span)


def _within(ci95: tuple[float, float], span: tuple[float, float] | None) -> tuple[float, float]:
    return ci95 if span is None else (max(ci95[0], span[0]), min(ci95[1], span[1]))


def _transfer(found: Found) -> Iterator[Transfer]:
    """Of each arm, on each other game that is played: the best policy less its base, drawn alike."""
    for arm in found.plan.arms:
        for game in found.plan.games:
            if arm.base is not None and len(found.plan.games) > 1:
                yield from _lead(found, arm, arm.base, game)


def _lead(found: Found, arm: Arm, base: Cell, game: str) -> Iterator[Transfer]:
    for decoding in found.plan.study.evaluation.decoding:
        for metric in metrics_of(game):
            ours = found.table(arm.cells, "best", game, decoding, metric)
            theirs = found.table({ALONE: base}, BASE, game, decoding, metric)
            seeds, values = paired(ours, theirs, 1.0)
            if not values.size:
                continue
            estimate = two_level(values)
            yield Transfer(
                name=arm.name,
                trained_on=arm.game,
                game=game,
                decoding=decoding,
                metric=metric,
                difference=estimate.value,
                ci95=estimate.interval(),
                seeds=len(seeds),
                episodes=estimate.episodes,
            )


def _curves(found: Found) -> Iterator[CurveBand]:
    for arm in found.plan.arms:
        runs = [found.rows_of(cell) for cell in arm.cells.values() if found.done(cell)]
        for metric in PER_EPISODE:
            band = _band(arm, [rows for rows in runs if rows], metric)
            if band is not None:
                yield band


def _band(arm: Arm, runs: list[list[dict[str, object]]], metric: str) -> CurveBand | None:
    column = f"eval/{metric}"
    looks = [{int(str(row["step"])): (row[column], at, row.get("episodes") or 0)
              for row, at in zip(rows, learned_from(rows), strict=True) if is_number(row.get(column))}
             for rows in runs]  # fmt: skip
    steps = sorted(set.intersection(*map(set, looks))) if looks else []
    if not steps:
        return None
    table = np.array([[look[step] for step in steps] for look in looks], dtype=np.float64)  # (S, steps, 3)
    values, at, played = table[..., 0], table[..., 1], table[..., 2]
    best = int(np.argmax(values[:, -1] + values.max(axis=1)))
    return CurveBand(
        name=arm.name,
        game=arm.game,
        metric=metric,
        steps=tuple(steps),
        learned_from=tuple(at.mean(axis=0).tolist()),
        played=tuple(played.mean(axis=0).tolist()),
        mean=tuple(values.mean(axis=0).tolist()),
        low=tuple(values.min(axis=0).tolist()),
        high=tuple(values.max(axis=0).tolist()),
        best=tuple(values[best].tolist()),
        seeds=len(runs),
    )
