"""Commands that make policies, and look at what made them."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from arena.cli.options import Template, Trust
from arena.training.options import SftOptions, TrainOptions


def train(
    game: Annotated[
        str | None,
        typer.Argument(help="A game's name or FILE.py:SPEC; not needed with --resume."),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="nano, qwen3b, hf:MODEL, a policy's folder, or dqn.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates of the policy.")] = None,
    opponents: Annotated[str | None, typer.Option(help="`house`, `self`, or an agent.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeat for more.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A .toml or .json file of settings.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    template: Template = None,
    engine: Annotated[
        str | None, typer.Option(help="What draws the replies: auto, transformers, vllm or server.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Teach an agent a game: MS-GRPO for language models, double DQN for `dqn`."""
    from arena.training.start import start
    from arena.views.training_progress import TrainingDisplay

    options = TrainOptions(
        game,
        agent,
        out=out,
        seed=seed,
        steps=steps,
        opponents=opponents,
        engine=engine,
        settings=settings or (),
        config_file=config,
        resume=resume,
        template=template,
        trust=trust,
    )
    folder = start(options, show=TrainingDisplay)
    rated = f"arena eval {quote(str(folder))} --games {quote(game or 'all')}"
    typer.echo(f"The trained agent is in {folder}; rate it with {rated}")


def sft(
    game: Annotated[
        str | None,
        typer.Argument(help="A game's name or FILE.py:SPEC; not needed with --resume."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="nano, qwen3b, hf:MODEL, or a policy's folder.")] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="Who is copied: search, dqn, an agent, or a tournament's folder."),
    ] = None,
    episodes: Annotated[int | None, typer.Option(min=1, help="Episodes that the examples are from.")] = None,
    noise: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of moves at random on the way to examples.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates of the policy.")] = None,
    opponents: Annotated[str | None, typer.Option(help="`house`, `self`, or an agent.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeat for more.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A .toml or .json file of settings.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    template: Template = None,
    engine: Annotated[
        str | None, typer.Option(help="What draws the replies: auto, transformers, vllm or server.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Teach a language model by example: a teacher's decisions, where a noisy player comes to."""
    from arena.record.store import recorded_episodes
    from arena.training.start import start
    from arena.views.training_progress import TrainingDisplay

    options = SftOptions(
        game,
        agent,
        teacher=teacher,
        episodes=episodes,
        noise=noise,
        out=out,
        seed=seed,
        steps=steps,
        opponents=opponents,
        engine=engine,
        settings=settings or (),
        config_file=config,
        resume=resume,
        template=template,
        trust=trust,
    )
    folder = start(options, show=TrainingDisplay, recorded=recorded_episodes)
    typer.echo(
        f"The taught agent is in {folder}; let it learn by playing with "
        f"arena train {quote(game) if game else 'GAME'} --agent {quote(str(folder))}"
    )


def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of training runs.")],
    metric: Annotated[str, typer.Option(help="A name in metrics.jsonl.")] = "eval/success",
    svg: Annotated[Path | None, typer.Option(help="Draw them into this file too.")] = None,
) -> None:
    """Show the learning curves of several runs beside each other."""
    from rich.console import Console

    from arena.views.curves import comparison, draw_comparison

    if svg is not None:
        draw_comparison(runs, metric, svg)
    Console().print(comparison(runs, metric))


def export(
    run: Annotated[Path, typer.Argument(help="A training run's folder, or a policy in it, as RUN/last.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The new folder.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Whole weights instead of an adapter.")] = False,
) -> None:
    """Write a trained language policy as a Hugging Face folder with a model card."""
    from arena.training.export.export import export_policy

    folder = export_policy(run, out=out, merge=merge)
    typer.echo(f"The policy is in {folder}; its README.md says how to load it")


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is installed, which devices and models are here, and what will run on them."""
    from arena.views.doctor import show_doctor

    show_doctor(as_json=json)
