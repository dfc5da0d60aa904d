"""What the shell completes: games, agents and runs. Each is looked for only when the shell asks.

An incomplete word may be a list between commas, of which the last entry is completed. What cannot be
listed, as a broken plug-in, completes nothing: the command itself will say what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

DEPTH = 3  # folders below the current one in which runs are looked for
MARKS = ("run.sqlite", "config.json")  # a tournament, a training
FORMS = ("hf:",)


def games(incomplete: str) -> list[str]:
    """Games that begin so."""
    return _beginning(incomplete, _game_names)


def some_games(incomplete: str) -> list[str]:
    """Lists of games, of which the last begins so; `all` instead of a list."""
    return [*_beginning(incomplete, lambda: ["all"]), *_last_of(incomplete, _game_names)]


def agents(incomplete: str) -> list[str]:
    """Agents and folders of runs that begin so."""
    return _beginning(incomplete, lambda: [*_agent_names(), *_runs()])


def some_agents(incomplete: str) -> list[str]:
    """Lists of agents, of which the last begins so, after `NAME=` too."""
    return _last_of(incomplete, lambda: [*_agent_names(), *_runs()])


def runs(incomplete: str) -> list[str]:
    """Folders of trainings and tournaments that begin so."""
    return _beginning(incomplete, _runs)


def _beginning(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except Exception:
        return []


def _last_of(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    name, equals, spec = last.rpartition("=")
    return [f"{before}{comma}{name}{equals}{found}" for found in _beginning(spec, names)]


def _game_names() -> list[str]:
    from arena_games.registry import game_specs

    return [spec.name for spec in game_specs()]


def _agent_names() -> list[str]:
    from arena_agents.registry import agent_names

    return [*agent_names(), "dqn", *FORMS]


def _runs() -> list[str]:
    found = {
        file.parent
        for depth in range(1, DEPTH + 1)
        for mark in MARKS
        for file in Path().glob("/".join(["[!.]*"] * depth + [mark]))
    }
    return sorted(str(folder) for folder in found)
