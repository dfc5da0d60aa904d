"""What a study found: scores, claims by their rules, transfer, curves. Nothing is played here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from arena.study.config import BASE, Claim
from arena.study.plan import Arm, Cell, Plan, decodings
from arena.study.result import CellState, CurveBand, Judged, Judgement, Score, StudyResult, Transfer
from arena.study.statistics import (
    Estimate,
    holm,
    seeds_needed,
    spread_chance,
    spread_interval,
    together,
    two_level,
    verdict,
    weighed,
)
from arena.study.tables import ALONE, TO_REACH, Found, Table, bounds, learned_from, name_of, paired, whole
from arena.training.metrics_file import is_number
from arena_games.registry import find_game

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


def judged_claims(found: Found) -> tuple[Judged, ...]:
    """Every claim by its rule, chances adjusted for all that could be tested."""
    drafts = [_draft(found, claim) for claim in found.plan.study.claims]
    numbers = [i for i, (draft, _) in enumerate(drafts) if draft.chance is not None]
    adjusted = holm([float(drafts[i][0].chance or 0.0) for i in numbers])
    final = [draft for draft, _ in drafts]
    for i, chance in zip(numbers, adjusted, strict=True):
        draft, on_its_side = drafts[i]
        decided = verdict(chance, on_its_side)
        change = {"adjusted": chance, "verdict": decided}
        final[i] = draft.model_copy(update=change if decided == "open" else change | {"seeds_needed": None})
    said: dict[str, list[Judgement]] = {}
    for draft in final:
        said.setdefault(draft.says, []).append(draft.verdict)
    return tuple(draft.model_copy(update={"claim": together(said[draft.says])}) for draft in final)


def _draft(found: Found, claim: Claim) -> tuple[Judged, bool]:
    """A claim with its numbers, not yet judged, and whether they lie on its side."""
    sides = [side for side in (claim.first, claim.second) if side is not None]
    names = [name_of(None if side.reference else found.plan.arm_of(side, claim), side) for side in sides]
    blank = Judged(
        says=claim.says,
        paper=claim.paper,
        first=names[0],
        second=names[1] if len(names) > 1 else f"{claim.value:g}",
        metric=claim.metric,
        holds=claim.holds,
        margin=claim.margin,
        verdict="open",
    )
    missing = [s.reference for s in sides if s.reference and s.reference not in found.plan.references]
    if missing:
        return blank.model_copy(
            update={"verdict": "not asked", "note": f"name one: --reference {missing[0]}=AGENT"}
        ), False
    first = found.side(claim.first, claim, claim.second)
    second = None if claim.second is None else found.side(claim.second, claim, claim.first)
    return (
        _of_spread(blank, claim, first)
        if claim.statistic == "spread"
        else _of_mean(found, blank, claim, first, second)
    )


def _of_spread(blank: Judged, claim: Claim, first: Table) -> tuple[Judged, bool]:
    if len(first.seeds) < 2:
        return blank.model_copy(update={"note": "fewer than two trainings", "seeds": len(first.seeds)}), False
    means = np.nanmean(first.values, axis=1).tolist()
    spread, ci95 = spread_interval(means)
    change = {
        "value": spread,
        "ci95": ci95,
        "chance": spread_chance(means, claim.value),
        "seeds": len(means),
        "episodes": first.values.shape[1],
        "note": "standard deviation over trainings",
    }
    return blank.model_copy(update=change), (spread > claim.value) == (claim.holds == "more")


def _of_mean(
    found: Found, blank: Judged, claim: Claim, first: Table, second: Table | None
) -> tuple[Judged, bool]:
    if second is None:
        seeds, values = first.seeds, whole(first.values) - claim.value
    else:
        seeds, values = paired(first, second, claim.factor)
    trained = seeds != (ALONE,)
    if not values.size or (trained and len(seeds) < 2):
        told = "fewer than two trainings" if seeds else "not played yet"
        return blank.model_copy(update={"note": told, "seeds": len(seeds)}), False
    estimate = two_level(values, span=_span(found, claim))
    chance, on_its_side = weighed(estimate, claim.holds, claim.margin)
    change = {
        "value": estimate.value,
        "ci95": estimate.interval(),
        "chance": chance,
        "seeds": len(seeds) if trained else 0,
        "episodes": estimate.episodes,
        "seeds_needed": _needed(estimate, claim) if trained else None,
        "note": "" if trained else "of these agents; no training is compared",
    }
    return blank.model_copy(update=change), on_its_side


def _needed(estimate: Estimate, claim: Claim) -> int | None:
    """Trainings that would settle it, if what was seen is the truth."""
    below = estimate.value < 0 or claim.holds == "not less"
    margin = claim.margin if claim.holds in ("not less", "equal") else 0.0
    nearest = -margin if below else margin
    needed = seeds_needed(estimate, nearest)
    return None if needed is None else max(needed, estimate.seeds + 1)


def _span(found: Found, claim: Claim) -> tuple[float, float] | None:
    """The least and the greatest difference of an episode."""
    if claim.metric.startswith(TO_REACH) or claim.metric == "return":
        return None
    one = bounds("", claim.metric)
    return None if one is None else (one[0] - claim.factor * one[1], one[1] - claim.factor * one[0])


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
    looks = [(row["eval/return"], row["step"]) for row in rows if is_number(row.get("eval/return"))]
    best = max(looks, default=(None, None))[1]
    counts = [(int(str(row.get("rollbacks") or 0)), row["step"]) for row in rows]
    back = [step for (now, step), (was, _) in zip(counts[1:], counts, strict=False) if now > was]
    return (None if best is None else int(str(best))), tuple(int(str(step)) for step in back)


def _scores(found: Found) -> Iterator[Score]:
    look = found.plan.study.evaluation
    for name, cell in _untrained(found.plan):
        for game in found.plan.games:
            for decoding in decodings(look, untrained=True):
                yield from _score(found, name, None, {ALONE: cell}, BASE, game, decoding)
    for arm in found.plan.arms:
        for policy in look.policies:
            for game in (arm.game,) if policy == "last" else found.plan.games:
                for decoding in look.decoding:
                    yield from _score(found, arm.name, arm.game, arm.cells, policy, game, decoding)


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
        estimate = two_level(values, span=bounds(game, metric))
        means = values.mean(axis=1).tolist()
        yield Score(
            name=name,
            trained_on=trained_on,
            policy=policy,
            decoding=decoding,
            game=game,
            metric=metric,
            mean=estimate.value,
            ci95=_within(estimate.interval(), bounds(game, metric)),
            spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
            seeds=len(means) if trained_on else 0,
            episodes=estimate.episodes,
            by_seed=tuple(means) if trained_on else (),
        )


def _within(ci95: tuple[float, float], span: tuple[float, float] | None) -> tuple[float, float]:
    return ci95 if span is None else (max(ci95[0], span[0]), min(ci95[1], span[1]))


def _transfer(found: Found) -> Iterator[Transfer]:
    """Of each arm, on each other game that is played: the best policy less its base, drawn alike."""
    for arm in found.plan.arms:
        for game in found.plan.games:
            if arm.base is not None and len(found.plan.games) > 1:
                yield from _lead(found, arm, arm.base, game)


def _lead(found: Found, arm: Arm, base: Cell, game: str) -> Iterator[Transfer]:
    snake = find_game(game).house and ("deaths", "apples")
    for decoding in found.plan.study.evaluation.decoding:
        for metric in (*PER_EPISODE, *(snake or ())):
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
