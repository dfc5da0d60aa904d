"""Commands that make policies, and look at what made them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli import completion
from arena.cli.options import RUNS, Game, GameSet, GameToLearn, Json, Learner, Run, Template, Trust
from arena.training.options import SftOptions, TrainOptions

HelpSettings = Annotated[
    bool,
    typer.Option("--help-settings", help="List what --set and --config take, and what it means."),
]


def train(
    game: GameToLearn = None,
    agent: Learner = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates of the policy.")] = None,
    opponents: Annotated[str | None, typer.Option(help="`house`, `self`, `league`, or an agent.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeat for more.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A .toml or .json file of settings.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder.", autocompletion=completion.runs)
    ] = None,
    template: Template = None,
    game_set: GameSet = None,
    engine: Annotated[
        str | None, typer.Option(help="What draws the replies: auto, transformers, vllm or server.")
    ] = None,
    trust: Trust = False,
    help_settings: HelpSettings = False,
    json: Annotated[bool, typer.Option("--json", help="With --help-settings: print JSON.")] = False,
) -> None:
    """Teach an agent a game: MS-GRPO for language models, double DQN for `dqn`."""
    if help_settings:
        from arena.views.settings import show_settings

        show_settings(agent, as_json=json)
        return
    from arena.tournament.teach import STORED
    from arena.training.start import start
    from arena.views.training_progress import TrainingDisplay, trained

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
        game_set=game_set or (),
        trust=trust,
    )
    typer.echo(trained(start(options, show=TrainingDisplay, around=STORED)))


def sft(
    game: GameToLearn = None,
    agent: Annotated[
        str | None,
        typer.Option(help="nano, qwen3b, hf:MODEL, or a policy's folder.", autocompletion=completion.agents),
    ] = None,
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
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder.", autocompletion=completion.runs)
    ] = None,
    template: Template = None,
    game_set: GameSet = None,
    engine: Annotated[
        str | None, typer.Option(help="What draws the replies: auto, transformers, vllm or server.")
    ] = None,
    trust: Trust = False,
    help_settings: HelpSettings = False,
    json: Annotated[bool, typer.Option("--json", help="With --help-settings: print JSON.")] = False,
) -> None:
    """Teach a language model by example: a teacher's decisions, where a noisy player comes to."""
    if help_settings:
        from arena.views.settings import show_settings

        show_settings(agent, teaching=True, as_json=json)
        return
    from arena.record.store import recorded_episodes
    from arena.training.start import start
    from arena.views.training_progress import TrainingDisplay, taught

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
        game_set=game_set or (),
        trust=trust,
    )
    folder = start(options, show=TrainingDisplay, recorded=recorded_episodes)
    typer.echo(taught(folder))


def config(
    game: Game,
    agent: Annotated[
        str, typer.Option(help="Who will be trained, as in train.", autocompletion=completion.agents)
    ],
    teacher: Annotated[str | None, typer.Option(help="For arena sft: who will be copied.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeat for more.")
    ] = None,
) -> None:
    """Print a commented file of all settings for arena train --config, or with --teacher for arena sft."""
    from arena.views.settings import show_config

    show_config(game, agent, teacher, settings or [])


def curves(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of training runs.", autocompletion=completion.runs)
    ],
    metric: Annotated[
        str, typer.Option(help="A name in metrics.jsonl; `rating` of a league's versions.")
    ] = "eval/success",
    json: Json = False,
    svg: Annotated[Path | None, typer.Option(help="Draw them into this file too.")] = None,
) -> None:
    """Show the learning curves of several runs beside each other."""
    from arena.views.curves import draw_comparison, show_comparison

    if metric == "rating":
        from arena.views.league import show_ratings

        show_ratings(runs, svg=svg, as_json=json)
        return
    if svg is not None:
        draw_comparison(runs, metric, svg)
    show_comparison(runs, metric, as_json=json)


def compare(
    first: Run,
    second: Run,
    played_in: Annotated[
        Path | None,
        typer.Option(help="A tournament in which both trainings play.", autocompletion=completion.runs),
    ] = None,
    json: Json = False,
) -> None:
    """Show in what two runs differ: settings, where their curves end, returns on shared test seeds."""
    from arena.views.compare import show_comparison

    show_comparison(first, second, played_in=played_in, as_json=json)


def prune(
    folder: Annotated[Path, typer.Argument(help="Where runs are looked for.")] = RUNS,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without, they are only listed.")] = False,
    json: Json = False,
) -> None:
    """List the checkpoints of finished trainings, which nothing needs any more, or remove them."""
    from arena.views.prune import show_pruning

    show_pruning(folder, remove=yes, as_json=json)


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="A training run's folder, or a policy in it, as RUN/last; or a tournament's.",
            autocompletion=completion.runs,
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The new folder, or file.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Whole weights instead of an adapter.")] = False,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Of a tournament: its episodes as logs for Inspect.")
    ] = False,
    dataset: Annotated[
        bool, typer.Option("--dataset", help="Of a tournament: its decisions as rows to teach from (JSONL).")
    ] = False,
    winners: Annotated[
        bool, typer.Option("--winners", help="With --dataset: valid replies of those who won or succeeded.")
    ] = False,
    template: Annotated[
        Path | None, typer.Option(help="With --dataset: the words around an observation.")
    ] = None,
    push: Annotated[
        str | None, typer.Option(help="Upload it to the Hugging Face Hub as OWNER/NAME, too.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="With --push: not for everyone to see.")] = False,
    trust: Trust = False,
) -> None:
    """Write a trained language policy as a Hugging Face folder, or a tournament for other tools."""
    if inspect:
        from arena.faces.inspect import export_inspect

        logs = export_inspect(run, out)
        typer.echo(
            f"{len(logs)} logs are in {logs[0].parent}; look at them with inspect view" if logs else "none"
        )
        return
    if dataset:
        from arena.faces.dataset import export_dataset

        path, rows = export_dataset(run, out, winners=winners, template=template, trust=trust)
        typer.echo(f"{rows} decisions are in {path}; load_dataset('json', data_files=…) reads them")
        if push is not None:
            from arena.training.export.push import push_dataset

            typer.echo(f"and at {push_dataset(path, push, run=run, private=private)}")
        return
    from arena.training.export.export import export_policy

    folder = export_policy(run, out=out, merge=merge)
    typer.echo(f"The policy is in {folder}; its README.md says how to load it")
    if push is not None:
        from arena.training.export.push import push_policy

        typer.echo(f"and at {push_policy(folder, push, private=private)}")


def doctor(
    json: Json = False,
) -> None:
    """Show what is installed, which devices and models are here, and what will run on them."""
    from arena.views.doctor import show_doctor

    show_doctor(as_json=json)
