"""Claims by the rules that were fixed beforehand, chances adjusted for all of them."""

from __future__ import annotations

import numpy as np

from arena.study.config import Claim
from arena.study.result import Judged, Judgement
from arena.study.statistics import (
    Estimate,
    seeds_needed,
    spread_chance,
    spread_interval,
    together,
    two_level,
    verdict,
    weighed,
)
from arena.study.tables import ALONE, TO_REACH, Found, Table, bounds, name_of, paired, whole
from arena_leaderboard.model.several import holm


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
        "statistic": "spread",
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
    estimate = two_level(values, span=_span(claim))
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


def _span(claim: Claim) -> tuple[float, float] | None:
    """The least and the greatest difference of an episode."""
    if claim.metric.startswith(TO_REACH) or claim.metric == "return":
        return None
    one = bounds("", claim.metric)
    return None if one is None else (one[0] - claim.factor * one[1], one[1] - claim.factor * one[0])
