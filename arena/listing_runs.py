"""`arena list runs`: what has been trained and played, and how far it has come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

from arena.failures import one_line
from arena.store import FILE_NAME, Store
from arena.training_status import TrainingStatus
from arena_games.base import UsageError


def runs(folder: Path) -> Table:
    """Every training run and tournament at or below `folder`."""
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; runs appear there after arena train or arena tournament")
    headings = (Column(name, overflow="fold") for name in ("run", "kind", "what", "state"))
    table = Table(*headings, box=None, pad_edge=False)
    for path in _run_folders(folder):
        kind, what, state = _tournament(path) if (path / FILE_NAME).exists() else _training(path)
        table.add_row(Text(str(path)), kind, Text(one_line(what)), Text(one_line(state)))
    return table


def _run_folders(folder: Path) -> Iterator[Path]:
    found = {path.parent for name in (FILE_NAME, "config.json") for path in folder.rglob(name)}
    # Policies inside a run may hold a config.json of their own.
    return iter(sorted(path for path in found if (path / FILE_NAME).exists() or _is_training(path)))


def _is_training(path: Path) -> bool:
    try:
        return "algorithm" in json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _training(path: Path) -> tuple[str, str, str]:
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    status = TrainingStatus(path)
    status.update()
    return "training", f"{config.get('agent')} on {config.get('game')}", str(status)


def _tournament(path: Path) -> tuple[str, str, str]:
    try:
        with Store.read(path) as store:
            config, played = store.meta("config"), len(store.episode_ids())
    except UsageError as error:
        return "tournament", "?", str(error)
    what = f"{', '.join(config['agents'])} on {', '.join(config['games'])}"
    return "tournament", what, f"{played} matches"
