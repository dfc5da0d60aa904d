"""`arena league`, and what it comes to: who beats whom."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from arena.cli import completion
from arena.cli.options import TOURNAMENT, GameToLearn, Json, Learner, Run, Template, Trust
from arena.training.options import TrainOptions


def league(
    game: GameToLearn = None,
    agent: Learner = None,
    out: Annotated[Path | None, typer.Option(help="The league's folder.")] = None,
    population: Annotated[
        int, typer.Option(min=1, help="Learners on one model, trained in turns against each other.")
    ] = 1,
    hours: Annotated[float | None, typer.Option(min=0.001, help="Pause after so many.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates of each learner.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of all randomness.")] = None,
    mix: Annotated[
        str | None, typer.Option(help="Percent against latest/pool/anchors: 50/30/20, or 80/20.")
    ] = None,
    anchors: Annotated[
        str | None,
        typer.Option(
            help="Who never changes, between commas: base, random, search, mcts:N, a policy's folder.",
            autocompletion=completion.some_agents,
        ),
    ] = None,
    pfsp: Annotated[
        str | None, typer.Option(help="Which past versions are met: even, hard or uniform.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeat for more.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A .toml or .json file of settings.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with the league in this folder.", autocompletion=completion.runs),
    ] = None,
    template: Template = None,
    engine: Annotated[
        str | None, typer.Option(help="What draws the replies: auto, transformers, vllm or server.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Train a policy against itself, its own past and fixed agents; every version that enters is rated."""
    from arena.tournament.entrants import split_agents
    from arena.tournament.league import hold_league
    from arena.training.layers import parse_settings
    from arena.views.league import show_league, write_league
    from arena.views.training_progress import TrainingDisplay

    fixed = None if anchors is None else split_agents(anchors)
    named: dict[str, Any] = {"league_mix": mix, "pfsp": pfsp, "hours": hours, "anchors": fixed}
    given = {name: value for name, value in named.items() if value is not None}
    options = TrainOptions(
        game,
        agent,
        out=out,
        seed=seed,
        steps=steps,
        engine=engine,
        settings={**parse_settings(settings or []), **given},
        config_file=config,
        resume=resume,
        template=template,
        trust=trust,
    )
    folder = hold_league(options, population, show=TrainingDisplay)
    write_league(folder)
    show_league(folder)
    typer.echo(
        f"The league is in {folder}; its best policy plays as that folder: "
        f"arena watch {quote(str(folder))}, arena eval {quote(str(folder))} --games {quote(game or 'GAME')}"
    )


def payoff(
    run: Run = TOURNAMENT,
    svg: Annotated[Path | None, typer.Option(help="Draw the matrix into this file too.")] = None,
    json: Json = False,
) -> None:
    """Show who beats whom in a league or a tournament, as a heat map, and name the cycles."""
    from arena.views.league import show_payoff

    show_payoff(run, svg=svg, as_json=json)
