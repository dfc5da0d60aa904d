"""Commands around games: to find, play, watch and check them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import (
    RUNS,
    ChatTemplate,
    Deadline,
    Decoding,
    Memory,
    Plain,
    Rethink,
    Seed,
    Speed,
    Trust,
)
from arena.tournament.options import DEADLINE_S
from arena.views.options import Listed, WatchOptions


def list_(
    what: Annotated[Listed, typer.Argument(help="games, agents or runs.")],
    folder: Annotated[Path, typer.Argument(help="Where runs are looked for.")] = RUNS,
) -> None:
    """List the games, the agents, or the runs in a folder."""
    from arena.views.listing import show

    show(what, folder)


def play(
    game: Annotated[str, typer.Argument(help="A game's name, module:SPEC or FILE.py:SPEC.")],
    against: Annotated[str | None, typer.Option(help="Who holds the other seats, as in --agents.")] = None,
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
    game: Annotated[str, typer.Argument(help="A game's name, module:SPEC or FILE.py:SPEC.")],
    agents: Annotated[str, typer.Option(help="Who takes the open seats, in order, as in tournament.")],
    seed: Seed = 0,
    opponents: Annotated[str, typer.Option(help="Who takes the open seats that are left.")] = "random",
    deadline: Deadline = DEADLINE_S,
    speed: Speed = None,
    plain: Plain = False,
    decode: Decoding = None,
    chat_template: ChatTemplate = None,
    rethink: Rethink = 0,
    memory: Memory = None,
) -> None:
    """Watch agents play a match as they play it."""
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


def replay(
    run: Annotated[Path, typer.Argument(help="A tournament's folder.")],
    match: Annotated[str | None, typer.Argument(help="Its number or id; without, a list.")] = None,
    speed: Speed = None,
    plain: Plain = False,
    trust: Trust = False,
) -> None:
    """Show a stored match step by step: board, observation, reply, action, reward."""
    from arena.views.terminal.replay import show_replay

    show_replay(run, match, speed=speed, plain=plain, trust=trust)


def exploit(
    agent: Annotated[str, typer.Argument(help="An agent, as in --agents.")],
    game: Annotated[str, typer.Argument(help="A small game of OpenSpiel, such as openspiel:kuhn_poker.")],
    draws: Annotated[
        int, typer.Option(min=1, help="At each information state, of agents that tell no probabilities.")
    ] = 100,
    seed: Seed = 0,
    decode: Decoding = "choice",
) -> None:
    """Measure how exploitable an agent's policy is: NashConv, 0 in an equilibrium."""
    from arena.views.exploit import show_exploitability

    show_exploitability(agent, game, draws=draws, seed=seed, decode=decode)


def check_game(
    spec: Annotated[str, typer.Argument(help="A game's name, module:SPEC or FILE.py:SPEC.")],
    episodes: Annotated[int, typer.Option(min=1, help="Random episodes to play.")] = 200,
    seed: Seed = 0,
) -> None:
    """Check that a game can be run, trained on and ranked fairly. Exit status 1 if it cannot."""
    from arena.views.checks import show_checks

    raise typer.Exit(0 if show_checks(spec, episodes=episodes, seed=seed) else 1)
