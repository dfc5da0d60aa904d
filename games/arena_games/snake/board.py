"""A Snake position as cells, read back from the text that a player saw.

The text calls the reader's own snake "You" and the others by their numbers; here every snake has
its seat's number and colour, whoever looks.
"""

from __future__ import annotations

import re

from arena_games.base import Observation
from arena_games.board import Board, Cell
from arena_games.snake.rules import SnakeConfig
from arena_games.squares import Cell as Place

_PLACE = re.compile(r"\((\d{1,3}), (\d{1,3})\)")
_OTHER = re.compile(r"Snake (\d{1,3})")


def board(config: SnakeConfig, observation: Observation) -> Board | None:
    """All snakes and apples; None for a text that is not of this game."""
    lines = dict(line.split(": ", 1) for line in observation.text.splitlines() if ": " in line)
    if "You" not in lines or "Apples" not in lines:
        return None
    poison = config.apple_reward < 0
    apple = Cell("x", "bad") if poison else Cell("*", "good")
    cells = dict.fromkeys(_places(lines["Apples"]), apple)
    cells.update(_snake(observation.seat, lines["You"]))
    for name, where in lines.items():
        if other := _OTHER.fullmatch(name):
            cells.update(_snake(int(other[1]) - 1, where))
    free = Cell(".", "faint")
    rows = (tuple(cells.get((x, y), free) for x in range(config.size)) for y in reversed(range(config.size)))
    return Board(tuple(rows), f"@1 head, o1 body of seat 1, {'x poison' if poison else '* apple'}, . free")


def _places(text: str) -> list[Place]:
    return [(int(x), int(y)) for x, y in _PLACE.findall(text)]


def _snake(seat: int, where: str) -> dict[Place, Cell]:
    body, head = Cell(f"o{seat + 1}", "seat", seat), Cell(f"@{seat + 1}", "seat", seat, strong=True)
    places = _places(where)
    return dict.fromkeys(places[1:], body) | dict.fromkeys(places[:1], head)
