"""The command line: parse, call, catch. No logic.

Nothing heavy is imported before a command has been chosen, so that `arena --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from arena.choices import DEFAULT_AGENTS, RUNS, TOURNAMENT, Format, Listed, TrainMode

GO_ON = {
    "train": "go on with arena train --resume and its folder",
    "tournament": "repeat the command to go on",
}


class OneLineErrors(TyperGroup):
    """The one catcher: what a user can put right is one line on stderr and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            how = GO_ON.get(str(ctx.invoked_subcommand))
            typer.echo(f"arena: interrupted{f'; {how}' if how else ''}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # who reads our output has had enough
        except Exception as error:
            from arena.failures import explain

            line = explain(error)
            if line is None:
                raise
            typer.echo(f"arena: {line}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=OneLineErrors,
    help="Language models that play games: train them, rank them, play them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Seed = Annotated[int, typer.Option(min=0, help="Start of all randomness.")]
Template = Annotated[Path | None, typer.Option(help="Prompt template that replaces a language agent's.")]
Games = Annotated[str, typer.Option(help="`all`, or names separated by commas.")]


@app.callback(invoke_without_command=True)
def arena(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"arena {installed('tmsg-arena')}")
        raise typer.Exit()


@app.command()
def train(
    game: Annotated[str | None, typer.Argument(help="The game; not needed with --resume.")] = None,
    agent: Annotated[str | None, typer.Option(help="nano, qwen3b, hf:MODEL, or dqn.")] = None,
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
) -> None:
    """Teach an agent a game: MS-GRPO for language models, double DQN for `dqn`."""
    from arena.training.start import train as start_training

    folder = start_training(
        game=game,
        agent=agent,
        out=out,
        seed=seed,
        steps=steps,
        opponents=opponents,
        settings=settings or [],
        config_file=config,
        resume=resume,
        template=template,
    )
    typer.echo(f"The trained agent is in {folder}; rate it with arena eval {folder} --games {game or 'all'}")


@app.command()
def tournament(
    games: Games = "all",
    agents: Annotated[
        str, typer.Option(help="SPEC or NAME=SPEC, separated by commas; `dqn` and BASE+GAME are trained.")
    ] = DEFAULT_AGENTS,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = TOURNAMENT,
    seed: Seed = 0,
    matches: Annotated[int, typer.Option(min=1, help="Matches of each agent in each game, about.")] = 60,
    train: Annotated[
        TrainMode, typer.Option(help="What to do about policies: the missing ones, none, all anew.")
    ] = TrainMode.AUTO,
    deadline: Annotated[float, typer.Option(min=0.01, help="Seconds an agent has for one call.")] = 300.0,
) -> None:
    """Train what is untrained, play everyone against everyone, and rank them. Repeat it to go on."""
    from arena.reports import hold_tournament

    whole = hold_tournament(games, agents, out, seed=seed, matches=matches, train=train, deadline_s=deadline)
    raise typer.Exit(0 if whole else 1)


@app.command()
def leaderboard(
    run: Annotated[Path, typer.Argument(help="A tournament's folder.")] = TOURNAMENT,
    format: Annotated[Format, typer.Option(help="rich, json, csv or md.")] = Format.RICH,
) -> None:
    """Show a tournament's leaderboard, a running one's too."""
    from arena.reports import show_leaderboard

    show_leaderboard(run, format)


@app.command("eval")
def evaluate(
    agent: Annotated[str, typer.Argument(help="The agent, as in --agents.")],
    games: Games = "all",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of each game.")] = 100,
    seed: Seed = 0,
    opponents: Annotated[str, typer.Option(help="Who holds the other open seats.")] = "random",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    template: Template = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="Of a language model's sampling; 0 is greedy.")
    ] = None,
) -> None:
    """Measure one agent on held-out seeds, without ranking it."""
    from arena.reports import show_evaluation

    show_evaluation(
        agent,
        games,
        episodes=episodes,
        seed=seed,
        opponents=opponents,
        as_json=json,
        template=template,
        temperature=temperature,
    )


@app.command()
def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of training runs.")],
    metric: Annotated[str, typer.Option(help="A name in metrics.jsonl.")] = "eval/success",
) -> None:
    """Show the learning curves of several runs beside each other."""
    from rich.console import Console

    from arena.training.compare import comparison

    Console().print(comparison(runs, metric))


@app.command("list")
def list_(
    what: Annotated[Listed, typer.Argument(help="games, agents or runs.")],
    folder: Annotated[Path, typer.Argument(help="Where runs are looked for.")] = RUNS,
) -> None:
    """List the games, the agents, or the runs in a folder."""
    from arena.listing import show

    show(what, folder)


@app.command()
def play(
    game: Annotated[str, typer.Argument(help="The game.")],
    against: Annotated[str | None, typer.Option(help="Who holds the other seats, as in --agents.")] = None,
    seed: Seed = 0,
) -> None:
    """Play a game yourself: arrow keys, W A S D, or the moves' names. q resigns."""
    from arena.person import play_person

    play_person(game, against=against, seed=seed)


@app.command("check-game")
def check_game(
    spec: Annotated[str, typer.Argument(help="module:SPEC or file.py:SPEC, or a known game's name.")],
    episodes: Annotated[int, typer.Option(min=1, help="Random episodes to play.")] = 200,
    seed: Seed = 0,
) -> None:
    """Check that a game can be run, trained on and ranked fairly. Exit status 1 if it cannot."""
    from arena.reports import show_checks

    raise typer.Exit(0 if show_checks(spec, episodes=episodes, seed=seed) else 1)


def main() -> None:
    """Run the command line."""
    app(prog_name="arena")
