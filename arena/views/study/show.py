"""`arena study`: plan, run what is left, and show what was found."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.files import write_text
from arena.machine.hardware import cores
from arena.study.analyse import analyse
from arena.study.forecast import forecast
from arena.study.options import StudyOptions
from arena.study.plan import Plan, asked_plan
from arena.study.result import StudyResult
from arena.study.run import run_cells, unfinished
from arena.views.messages import note
from arena.views.numbers import duration, roughly
from arena.views.study.page import page
from arena.views.study.pictures import ALONG, curves_svg
from arena.views.study.progress import StudyDisplay
from arena.views.study.rows import CLAIMS, NONE, Row, Rows, claims, tables
from arena.views.study.texts import latex, markdown, scores_csv


def hold_study(options: StudyOptions, *, as_json: bool = False) -> bool:
    """Run what is left of a study, write what it found, and show it; whether every cell is done."""
    plan, out = asked_plan(options)
    names = _names(plan)
    left = {cell.key: (names[cell.key], cell) for cell in unfinished(plan, out)}
    note(f"{len(plan.cells)} cells, {len(left)} to do, in {out}")
    errors = {}
    if left:
        with StudyDisplay(left, out) as display:
            errors = dict(run_cells(plan, out, workers=options.workers, watcher=display).errors)
    result = analyse(plan, out, errors)
    write_study(result, out)
    if as_json:
        print(result.model_dump_json(indent=2))
    else:
        show_tables(result)
        note(f"{quote(str(out / 'study.html'))} is a page of it; study.json, .md, .tex and .csv lie beside")
    return all(cell.done for cell in result.cells)


def show_study_forecast(options: StudyOptions, *, as_json: bool = False) -> None:
    """Say what is left of a study: how many cells, and from samples how long."""
    plan, out = asked_plan(options)
    found, workers = forecast(plan, out, note), options.workers or cores()
    if as_json:
        print(json.dumps(asdict(found) | {"workers": workers, "hours": found.hours(workers)}, indent=2))
        return
    print(
        f"{len(plan.cells)} cells; left are {found.trainings} trainings and {found.untrained} agents "
        f"that play untrained, {found.episodes:,} test episodes, {roughly(found.tokens)} tokens in training"
    )
    trained, played = duration(found.training_seconds), duration(found.evaluation_seconds)
    print(f"about {trained} of training and {played} of evaluation in one process")
    print(
        f"about {duration(found.hours(workers) * 3600)} in {workers} at once, as busy as this machine is now"
    )


def write_study(result: StudyResult, out: Path) -> None:
    """`study.json`, `.md`, `.tex`, `.csv`, `.html`, and pictures of the curves."""
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "study.json", result.model_dump_json(indent=2) + "\n")
    write_text(out / "study.md", markdown(result))
    write_text(out / "study.tex", latex(result))
    write_text(out / "study.csv", scores_csv(result))
    write_text(out / "study.html", page(result))
    for along in ALONG:
        picture = curves_svg(result, along=along)
        if picture is not None:
            write_text(out / f"curves-{along}.svg", picture)


def _names(plan: Plan) -> dict[str, str]:
    """What each cell is called."""
    names = {cell.key: f"untrained {cell.agent}" for cell in plan.cells if cell.config is None}
    trained = {cell.key: f"{arm.name}, seed {seed}" for arm in plan.arms for seed, cell in arm.cells.items()}
    return names | trained


def show_tables(result: StudyResult, console: Console | None = None) -> None:
    """Each claim with what was seen of it, then the other tables."""
    console = console or Console()
    for says, rows in groupby(claims(result).rows, key=itemgetter(0)):
        console.print(_claim(says, list(rows)))
        console.print()
    for table in tables(result):
        if table.title != CLAIMS:
            console.print(_rich(table, console.width))
            console.print()


def _claim(says: str, comparisons: list[Row]) -> Text:
    """What is said and what came of it; a line for each comparison that it stands on."""
    _, paper, *_, verdict = comparisons[0]
    lines = [Text.assemble((verdict, "bold"), "  ", says)]
    if paper != NONE:
        lines.append(Text(f"  the paper: {paper}", style="dim"))
    for _, _, rule, seen, interval, n, chance, told, _ in comparisons:
        found = "" if seen == NONE else f": {seen} ({interval}), n = {n}, p {chance}"
        lines.append(Text(f"  {rule}{found}: {told}"))
    return Text("\n").join(lines)


def _rich(table: Rows, width: int) -> Table:
    """The table; no word is broken where the longest of each column fit side by side."""
    shown = Table(box=None, pad_edge=False, title=Text(table.title, style="bold"), title_justify="left")
    columns = list(zip(table.headings, *table.rows, strict=True))
    longest = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    fit = sum(longest) + 2 * len(longest) <= width
    for heading, least in zip(table.headings, longest, strict=True):
        shown.add_column(Text(heading), overflow="fold", min_width=least if fit else None)
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown
