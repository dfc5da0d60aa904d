"""Pictures of some games of TextArena: the newest board in all that was said to a seat."""

from __future__ import annotations

import re

from arena_games.base import Observation
from arena_games.board import Board
from arena_games.pictures import pieces, row_of_cards

# Which seat has which symbol differs from game to game, and stands in the text.
OWN = re.compile(r"(?:you will be|Your disc symbol:) '?([XO])'?")


def _newest(text: str, line: str, count: int) -> list[str]:
    """The last `count` lines that look like `line`, a pattern of a whole line."""
    return [row for row in text.splitlines() if re.fullmatch(line, row)][-count:]


def _seats(seen: Observation) -> dict[str, int]:
    found = OWN.search(seen.text)
    own = found[1] if found else "X"
    return {own: seen.seat, "XO".replace(own, ""): 1 - seen.seat}


def tic_tac_toe(seen: Observation) -> Board | None:
    """Three rows; an empty cell shows its number."""
    rows = [re.findall(r"[XO\d]", row) for row in _newest(seen.text, r" [XO\d] \| [XO\d] \| [XO\d] ?", 3)]
    return pieces(rows, _seats(seen), "a digit is an empty cell's number") if len(rows) == 3 else None


def connect_four(seen: Observation) -> Board | None:
    """Six rows and the columns' numbers."""
    rows = [row.split() for row in _newest(seen.text, r"[XO.]( [XO.]){6}", 6)]
    numbers = [str(column) for column in range(7)]
    return pieces([*rows, numbers], _seats(seen), "a digit is a column's number") if len(rows) == 6 else None


def kuhn_poker(seen: Observation) -> Board | None:
    """The seat's own card."""
    cards = re.findall(r"Your card is: '(\w)'", seen.text)
    return row_of_cards([(cards[-1], True)], "the seat's own card") if cards else None


BOARDS = {"TicTacToe": tic_tac_toe, "ConnectFour": connect_four, "KuhnPoker": kuhn_poker}
