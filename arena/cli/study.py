"""Commands around studies: many trainings, one table, claims decided by rules that were fixed beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli import completion
from arena.cli.options import Json
from arena.study.options import StudyOptions


def study(
    name: Annotated[
        str, typer.Argument(help="paper, aaw, transfer, reward-scale, credit, collapse, or a FILE.toml.")
    ],
    out: Annotated[Path | None, typer.Option(help="The study's folder; runs/study-NAME.")] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="Who is trained, in place of the study's.", autocompletion=completion.agents),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of each arm.")] = None,
    episodes: Annotated[int | None, typer.Option(min=2, help="Test episodes of each policy.")] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=AGENT", help="An agent that plays beside; may be repeated."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at once; one a core.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many cells are left and, from samples, how long.")
    ] = False,
    json: Json = False,
) -> None:
    """Train and evaluate what a study names, and decide its claims. Repeat to go on, or with more seeds."""
    from arena.views.study.show import hold_study, show_study_forecast

    options = StudyOptions(
        name,
        out,
        agent=agent,
        seeds=seeds,
        episodes=episodes,
        references=_labelled(reference or []),
        workers=workers,
    )
    if dry_run:
        show_study_forecast(options, as_json=json)
        return
    raise typer.Exit(0 if hold_study(options, as_json=json) else 1)


def _labelled(pairs: list[str]) -> dict[str, str]:
    from arena_games.base import UsageError

    split = [pair.partition("=") for pair in pairs]
    if any(not label or not spec for label, _, spec in split):
        raise UsageError("--reference wants LABEL=AGENT, such as larger=qwen72b@http://localhost:8000")
    return {label: spec for label, _, spec in split}
