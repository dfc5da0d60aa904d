"""A FrozenLake position as cells, read back from the text that the player saw."""

from __future__ import annotations

import re

from arena_games.base import Observation
from arena_games.board import Board, Cell
from arena_games.frozen_lake.rules import FrozenLakeConfig, cells_top_down
from arena_games.squares import Cell as Place

LEGEND = "P you, G goal, O hole, . ice"
_PLACE = re.compile(r"\((\d{1,3}), (\d{1,3})\)")


def board(config: FrozenLakeConfig, observation: Observation) -> Board | None:
    """The lake with its player; None for a text that is not of this game."""
    lines = dict(line.split(": ", 1) for line in observation.text.splitlines() if ": " in line)
    if "You" not in lines or "Holes" not in lines:
        return None
    player, holes = _places(lines["You"]), set(_places(lines["Holes"]))
    if len(player) != 1:
        return None
    goal = next(iter(_places(lines.get("Goal", ""))), config.goal)  # a skin puts it elsewhere
    cells = (tuple(_cell(goal, at, player[0], holes) for at in row) for row in cells_top_down(config.size))
    return Board(tuple(cells), LEGEND)


def _places(text: str) -> list[Place]:
    return [(int(x), int(y)) for x, y in _PLACE.findall(text)]


def _cell(goal: Place, at: Place, player: Place, holes: set[Place]) -> Cell:
    on = "O" if at in holes else "G" if at == goal else ""
    if at == player:
        return Cell(f"P{on}", "bad" if on == "O" else "seat", None if on == "O" else 0, strong=True)
    if on == "O":
        return Cell("O", "bad")
    return Cell("G", "goal", strong=True) if on else Cell(".", "faint")
