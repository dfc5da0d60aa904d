"""`arena list`: what there is to play, who can play, and what has been run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.choices import Listed
from arena_agents.language.presets import PRESETS
from arena_agents.registry import agent_names
from arena_games.base import GameSpec
from arena_games.registry import game_specs

ABOUT = {
    "random": "any move that is not pointless",
    "search": "search with the rules in hand, near the best possible",
}


def show(what: Listed, folder: Path) -> None:
    """Print the list; `folder` is where runs are looked for. Raises UsageError if there is none."""
    tables: dict[Listed, Callable[[], Table]] = {
        Listed.GAMES: games,
        Listed.AGENTS: agents,
        Listed.RUNS: lambda: _runs(folder),
    }
    Console().print(tables[what]())


def _runs(folder: Path) -> Table:
    from arena.listing_runs import runs  # reads the runs' files, which the other lists can do without

    return runs(folder)


def games() -> Table:
    """Every game: its seats, its horizon, its actions, what success is."""
    table = _table("game", "seats", "horizon", "actions", "success")
    for spec in game_specs():
        table.add_row(
            Text(spec.name),
            _seats(spec),
            str(spec.horizon),
            Text(", ".join(spec.action_names)),
            Text(spec.success),
        )
    return table


def _seats(spec: GameSpec) -> Text:
    house = f" + {', '.join(spec.house)}" if spec.house else ""
    return Text(f"{len(spec.open_seats)}{house}")


def agents() -> Table:
    """Every agent that has a name, and the ways to write others."""
    table = _table("agent", "what it is")
    for name in agent_names():
        about = ABOUT.get(name) or PRESETS.get(name, "plug-in")
        table.add_row(Text(name), Text("tiny model in the package" if name == "nano" else about))
    for form, about in (
        ("dqn", "double DQN, trained on each game (train, tournament)"),
        ("BASE+GAME", "language model BASE, trained on GAME (tournament)"),
        ("hf:PATH-OR-ID", "any Hugging Face causal language model"),
        ("SPEC@URL", "a model behind an OpenAI-compatible server, by preset or by its name there"),
        ("DIR", "a training run's folder"),
        ("module:Class, FILE.py:Class", "your own"),
    ):
        table.add_row(Text(form), Text(about))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("game", "horizon"))
    return table
