"""A study's tables as rows of words: the same in the terminal, in Markdown, in LaTeX and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.study.result import Judged, Score, StudyResult, Transfer
from arena.untrusted import one_line

NONE = "–"
CLAIMS = "Claims"
Row = tuple[str, ...]
SHARES = ("success", "invalid", "deaths")


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: what it is of, its headings, and its rows."""

    title: str
    headings: Row
    rows: Sequence[Row]


def tables(result: StudyResult) -> list[Rows]:
    """All tables that there is something in, the claims first."""
    found = [claims(result), scores(result), transfer(result), trainings(result)]
    return [table for table in found if table.rows]


def claims(result: StudyResult) -> Rows:
    """A row for each comparison: what is said, what is seen, and the verdict by the rule."""
    headings = (
        "what is said",
        "the paper",
        "rule",
        "seen",
        "95 % interval",
        "n",
        "p (Holm)",
        "comparison",
        "claim",
    )
    return Rows(CLAIMS, headings, [_claim(claim) for claim in result.claims])


def _claim(claim: Judged) -> Row:
    differs = claim.statistic == "mean"
    told = (
        claim.verdict
        if claim.verdict != "open" or claim.value is None
        else f"not told apart with n = {claim.seeds}" + _more(claim)
    )
    note = f" ({claim.note})" if claim.note else ""
    return (
        one_line(claim.says),
        one_line(claim.paper) or NONE,
        one_line(_rule(claim)),
        NONE if claim.value is None else number(claim.value, claim.metric, signed=differs),
        interval(claim.ci95, claim.metric, signed=differs),
        f"{claim.seeds or NONE} × {claim.episodes}",
        NONE if claim.adjusted is None else chance(claim.adjusted),
        one_line(told + note),
        claim.claim,
    )


def _rule(claim: Judged) -> str:
    if claim.statistic == "spread":
        side = ">" if claim.holds == "more" else "<"
        return f"{claim.first}, {claim.metric}, standard deviation over trainings {side} {claim.second}"
    rule = {"not less": f"> −{number(claim.margin, claim.metric)}", "more": "> 0", "less": "< 0"}
    wanted = rule.get(claim.holds, f"within ±{number(claim.margin, claim.metric)}")
    return f"{claim.first} − {claim.second}, {claim.metric} {wanted}"


def _more(claim: Judged) -> str:
    if not claim.seeds or claim.statistic == "spread":
        return ""
    if claim.seeds_needed is None:
        return "; no number of seeds up to 1,000 would"
    return f"; about {claim.seeds_needed} seeds would"


def scores(result: StudyResult) -> Rows:
    """Means of success and return of every policy, on every game, however drawn."""
    by_place: dict[tuple[str, str, str, str], dict[str, Score]] = {}
    for score in result.scores:
        by_place.setdefault((score.name, score.policy, score.game, score.decoding), {})[score.metric] = score
    rows = []
    for (name, policy, game, decoding), metrics in by_place.items():
        success, returns = metrics["success"], metrics["return"]
        spread = NONE if returns.spread is None else f"{returns.spread:.3f}"
        rows.append(
            (
                *(one_line(name), policy, one_line(game), decoding),
                *(number(success.mean, "success"), interval(success.ci95, "success")),
                *(number(returns.mean, "return"), interval(returns.ci95, "return"), spread),
                f"{success.seeds or NONE} × {success.episodes}",
            )
        )
    headings = ("arm", "policy", "game", "drawn", "success", "95 %", "return", "95 %", "sd of seeds", "n")
    return Rows("Scores on the same test episodes", headings, rows)


def transfer(result: StudyResult) -> Rows:
    """Trained less untrained, on each game."""
    rows = [_transfer(row) for row in result.transfer]
    headings = ("arm", "trained on", "plays", "drawn", "metric", "trained − untrained", "95 %", "n")
    return Rows("Transfer: the best policy less its untrained base, drawn alike", headings, rows)


def _transfer(row: Transfer) -> Row:
    return (
        *(one_line(row.name), one_line(row.trained_on), one_line(row.game), row.decoding, row.metric),
        number(row.difference, row.metric, signed=True),
        interval(row.ci95, row.metric, signed=True),
        f"{row.seeds} × {row.episodes}",
    )


def trainings(result: StudyResult) -> Rows:
    """What went wrong, and where trainings stepped back."""
    rows = [
        (
            one_line(cell.name),
            NONE if cell.seed is None else str(cell.seed),
            "done" if cell.done else one_line(f"failed: {cell.error}") if cell.error else "not done",
            NONE if cell.best_step is None else str(cell.best_step),
            ", ".join(map(str, cell.rollbacks)) or NONE,
        )
        for cell in result.cells
        if cell.seed is not None or not cell.done
    ]
    return Rows("Trainings", ("arm", "seed", "state", "best step", "stepped back at"), rows)


def number(value: float, metric: str, *, signed: bool = False) -> str:
    """A value in the unit of its metric: shares in percent (differences in points)."""
    sign = "+" if signed else ""
    if metric in SHARES:
        shown = f"{100 * value:{sign}.1f}" + ("" if signed else " %")
    else:
        shown = f"{value:{sign}.0f}" if metric.startswith("episodes_to") else f"{value:{sign}.3f}"
    return shown.replace("-", "−")


def interval(ends: tuple[float, float] | None, metric: str, *, signed: bool = False) -> str:
    """The ends of an interval."""
    if ends is None:
        return NONE
    low, high = (number(end, metric, signed=signed).removesuffix(" %") for end in ends)
    return f"{low} … {high}"


def chance(value: float) -> str:
    """A chance to three digits."""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
