"""The command line: parse, call, catch. No logic.

Nothing heavy is imported before a command has been chosen, so that `arena --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from arena.cli import games, league, ranking, study, training
from arena.cli.habits import Habits, command_line

GO_ON = {
    "train": "go on with arena train --resume and its folder",
    "league": "go on with arena league --resume and its folder",
    "sft": "go on with arena sft --resume and its folder",
    "tournament": "repeat the command to go on",
    "study": "repeat the command to go on",
}


class OneLineErrors(TyperGroup):
    """The one catcher: what a user can put right is one line on stderr and exit status 2."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, command_line(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            exec("")  # else Python may end by the signal: it remembers one that came through an exec()
            how = ", ".join(getattr(stop, "__notes__", ())) or GO_ON.get(str(ctx.invoked_subcommand))
            typer.echo(f"arena: interrupted{f'; {how}' if how else ''}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # who reads our output has had enough
        except Exception as error:
            from arena.cli.errors import explain

            line = explain(error)
            if line is None:
                raise
            typer.echo(f"arena: {line}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=OneLineErrors,
    help="Language models that play games: train them, rank them, play them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def arena(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"arena {installed('tmsg-arena')}")
        raise typer.Exit()


COMMANDS: dict[str, Callable[..., None]] = {
    "train": training.train,
    "sft": training.sft,
    "league": league.league,
    "config": training.config,
    "tournament": ranking.tournament,
    "study": study.study,
    "merge": ranking.merge,
    "leaderboard": ranking.leaderboard,
    "payoff": league.payoff,
    "report": ranking.report,
    "eval": ranking.evaluate,
    "verify": ranking.verify,
    "card": ranking.card,
    "play": games.play,
    "watch": games.watch,
    "replay": games.replay,
    "serve": games.serve,
    "mcp": games.mcp,
    "list": games.list_,
    "check-game": games.check_game,
    "exploit": games.exploit,
    "curves": training.curves,
    "compare": training.compare,
    "export": training.export,
    "prune": training.prune,
    "doctor": training.doctor,
}
for name, command in COMMANDS.items():
    app.command(name, cls=Habits)(command)


def main() -> None:
    """Run the command line."""
    app(prog_name="arena")
