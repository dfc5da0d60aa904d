"""`arena list`: what there is to play, who can play, and what has been run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.record.store import FILE_NAME, Store
from arena.training.status import TrainingStatus
from arena.untrusted import escaped_text, one_line
from arena.views.options import Listed
from arena_agents.files import read_json
from arena_agents.presets import PRESETS
from arena_agents.registry import agent_names
from arena_games.base import GameSpec, UsageError
from arena_games.registry import game_specs, library_games

ABOUT = {
    "random": "any move that is not pointless",
    "search": "search with the rules in hand, near the best possible",
    "mcts": "search by random playouts, mcts:N of them a move; games of OpenSpiel",
    "cfr": "counterfactual regret minimisation, cfr:N rounds of it; small games of OpenSpiel",
    "nano": "tiny model in the package",
}
FORMS = (
    ("dqn", "double DQN, trained on each game (train, tournament)"),
    ("BASE+GAME", "language model BASE, trained on GAME (tournament)"),
    ("hf:PATH-OR-ID", "any Hugging Face causal language model"),
    ("SPEC@URL", "a model behind an OpenAI-compatible server, by preset or by its name there"),
    ("DIR", "a training run's folder"),
    ("module:Class, FILE.py:Class", "your own"),
)
WHOLE = ("game", "horizon")  # columns whose words are not broken


def show(what: Listed, folder: Path, *, as_json: bool = False) -> None:
    """Print the list, as a table or as JSON; `folder` is where runs are looked for.

    Raises UsageError if there is none.
    """
    if as_json:
        lists: dict[Listed, Callable[[], list[Any]]] = {
            Listed.GAMES: lambda: [game_json(spec) for spec in game_specs()],
            Listed.AGENTS: lambda: [_agent_json(agent) for agent in _agents()],
            Listed.RUNS: lambda: [_run_json(run) for run in _runs(folder)],
        }
        print(json.dumps(lists[what]() if what in lists else _library_json(what), indent=2))
        return
    tables: dict[Listed, Callable[[], Table]] = {
        Listed.GAMES: games,
        Listed.AGENTS: agents,
        Listed.RUNS: partial(runs, folder),
    }
    Console().print(tables[what]() if what in tables else visitors(what))


def visitors(library: Listed) -> Table:
    """Every game of another library, as it comes."""
    table = _table("game", "what it is")
    for name, about in library_games(library):
        table.add_row(Text(escaped_text(name)), Text(one_line(about)))
    return table


def _library_json(library: Listed) -> list[dict[str, str]]:
    return [{"game": name, "about": about} for name, about in library_games(library)]


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
    for name, about in [*_agents(), *FORMS]:
        table.add_row(Text(name), Text(about))
    return table


def _agents() -> list[tuple[str, str]]:
    return [(name, ABOUT.get(name) or PRESETS.get(name, "plug-in")) for name in agent_names()]


def _agent_json(agent: tuple[str, str]) -> dict[str, str]:
    return {"agent": agent[0], "about": agent[1]}


def game_json(spec: GameSpec) -> dict[str, Any]:
    """A game as `arena list games --json` prints it."""
    return {
        "game": spec.name,
        "version": spec.version,
        "seats": spec.seats,
        "open_seats": list(spec.open_seats),
        "house": list(spec.house),
        "horizon": spec.horizon,
        "actions": list(spec.action_names),
        "success": spec.success,
    }


def runs(folder: Path) -> Table:
    """Every training run and tournament at or below `folder`."""
    table = _table("run", "kind", "what", "state")
    for path, kind, what, state in _runs(folder):
        table.add_row(Text(escaped_text(str(path))), kind, Text(one_line(what)), Text(one_line(state)))
    return table


def _runs(folder: Path) -> list[tuple[Path, str, str, str]]:
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; runs appear there after arena train or arena tournament")
    return [
        (path, *(_tournament(path) if (path / FILE_NAME).exists() else _training(path)))
        for path in _run_folders(folder)
    ]


def _run_json(run: tuple[Path, str, str, str]) -> dict[str, str]:
    return dict(zip(("run", "kind", "what", "state"), map(str, run), strict=True))


def _run_folders(folder: Path) -> Iterator[Path]:
    found = {path.parent for name in (FILE_NAME, "config.json") for path in folder.rglob(name)}
    # Policies inside a run may hold a config.json of their own.
    return iter(sorted(path for path in found if (path / FILE_NAME).exists() or _is_training(path)))


def training_folders(folder: Path) -> list[Path]:
    """Every training at or below a folder, those of tournaments too."""
    return sorted(path.parent for path in folder.rglob("config.json") if _is_training(path.parent))


def _is_training(path: Path) -> bool:
    try:
        return "algorithm" in read_json(path / "config.json")
    except UsageError:
        return False


def _training(path: Path) -> tuple[str, str, str]:
    config = read_json(path / "config.json")
    status = TrainingStatus(path)
    status.update()
    return "training", f"{config.get('agent')} on {config.get('game')}", str(status)


def _tournament(path: Path) -> tuple[str, str, str]:
    try:
        with Store.read(path) as store:
            config, played = store.meta("config"), len(store.episode_ids())
    except UsageError as error:
        return "tournament", "?", str(error)
    what = f"{', '.join(config.get('agents', ()))} on {', '.join(config.get('games', ()))}"
    return "tournament", what, f"{played} matches"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in WHOLE)
    return table
