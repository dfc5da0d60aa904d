"""Commands around games: to find, play, watch and check them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from arena.cli import completion
from arena.cli.options import (
    RUNS,
    ChatTemplate,
    Deadline,
    Decoding,
    Engine,
    Game,
    Json,
    Memory,
    Plain,
    Rethink,
    Run,
    Seed,
    Speed,
    Trust,
)
from arena.tournament.options import DEADLINE_S
from arena.views.options import Listed, WatchOptions


def list_(
    what: Annotated[Listed, typer.Argument(help="games, agents, runs, or a library whose games to list.")],
    folder: Annotated[Path, typer.Argument(help="Where runs are looked for.")] = RUNS,
    json: Json = False,
) -> None:
    """List the games, the agents, the runs in a folder, or the games of a library."""
    from arena.views.listing import show

    show(what, folder, as_json=json)


def play(
    game: Game,
    against: Annotated[
        str | None,
        typer.Option(help="Who holds the other seats, as in --agents.", autocompletion=completion.agents),
    ] = None,
    seed: Seed = 0,
    decode: Decoding = None,
    chat_template: ChatTemplate = None,
    rethink: Rethink = 0,
    memory: Memory = None,
) -> None:
    """Play a game yourself: arrow keys, W A S D, or the moves' names. q resigns."""
    from arena.views.terminal.play import play_human
    from arena_agents.spec import asked

    defaults = asked(decode, chat_template)
    play_human(game, against=against, seed=seed, defaults=defaults, rethink=rethink, memory=memory)


def watch(
    game: Annotated[
        str,
        typer.Argument(
            help="A game as in play, or the folder of a run.",
            autocompletion=completion.games,
        ),
    ],
    agents: Annotated[
        str | None,
        typer.Option(
            help="Who takes the open seats, in order, as in tournament.",
            autocompletion=completion.some_agents,
        ),
    ] = None,
    seed: Seed = 0,
    opponents: Annotated[str, typer.Option(help="Who takes the open seats that are left.")] = "random",
    deadline: Deadline = DEADLINE_S,
    speed: Speed = None,
    plain: Plain = False,
    decode: Decoding = None,
    chat_template: ChatTemplate = None,
    rethink: Rethink = 0,
    memory: Memory = None,
    latest: Annotated[int, typer.Option(min=1, help="Of a run: how many of its newest matches.")] = 1,
    trust: Trust = False,
) -> None:
    """Watch agents play a match as they play it, or the newest ones of a league, tournament or training."""
    from arena_games.base import UsageError

    if agents is None:
        if not Path(game).is_dir():
            raise UsageError(f"who plays? arena watch {game} --agents AGENT, or name a run's folder")
        from arena.views.terminal.replay import show_latest

        show_latest(Path(game), latest, speed=speed, plain=plain, trust=trust)
        return
    from arena.views.terminal.watch import watch as show_live
    from arena_agents.spec import asked

    show_live(
        WatchOptions(
            game,
            agents,
            seed=seed,
            opponents=opponents,
            deadline_s=deadline,
            speed=speed,
            plain=plain,
            defaults=asked(decode, chat_template),
            rethink=rethink,
            memory=memory,
        )
    )


def serve(
    agent: Annotated[
        str, typer.Argument(help="A run's folder, a preset or hf:MODEL.", autocompletion=completion.agents)
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Where to listen; there is no key.")] = "127.0.0.1",
    engine: Engine = "auto",
) -> None:
    """Serve a language policy by OpenAI's chat completions: any client of such servers can play with it."""
    from arena.faces.serve import serve as start

    server = start(agent, host=host, port=port, engine=engine)
    typer.echo(f"{server.name} is served at {server.url}; as an agent: {server.name}@{server.url}")
    with closing(server):
        server.serve_forever()


def mcp(
    game: Game,
    seat: Annotated[int, typer.Option(min=0, help="Which open seat is to be played, from 0.")] = 0,
    opponents: Annotated[str, typer.Option(help="Who holds the other open seats.")] = "random",
) -> None:
    """Offer a seat of a game by the Model Context Protocol on stdin and stdout: a coding agent can play."""
    from arena.faces.mcp import run

    run(game, seat=seat, opponent=opponents)


def replay(
    run: Run,
    match: Annotated[str | None, typer.Argument(help="Its number or id; without, a list.")] = None,
    speed: Speed = None,
    plain: Plain = False,
    json: Annotated[bool, typer.Option("--json", help="Print the list, or the match, as JSON.")] = False,
    trust: Trust = False,
) -> None:
    """Show a stored match step by step: board, observation, reply, action, reward."""
    from arena.views.terminal.replay import show_replay

    show_replay(run, match, speed=speed, plain=plain, as_json=json, trust=trust)


def exploit(
    agent: Annotated[str, typer.Argument(help="An agent, as in --agents.")],
    game: Annotated[str, typer.Argument(help="A small game of OpenSpiel, such as openspiel:kuhn_poker.")],
    draws: Annotated[
        int, typer.Option(min=1, help="At each information state, of agents that tell no probabilities.")
    ] = 100,
    seed: Seed = 0,
    decode: Decoding = "choice",
    json: Json = False,
) -> None:
    """Measure how exploitable an agent's policy is: NashConv, 0 in an equilibrium."""
    from arena.views.exploit import show_exploitability

    show_exploitability(agent, game, draws=draws, seed=seed, decode=decode, as_json=json)


def check_game(
    spec: Game,
    episodes: Annotated[int, typer.Option(min=1, help="Random episodes to play.")] = 200,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Check that a game can be run, trained on and ranked fairly. Exit status 1 if it cannot."""
    from arena.views.checks import show_checks

    raise typer.Exit(0 if show_checks(spec, episodes=episodes, seed=seed, as_json=json) else 1)
