"""What pictures of other libraries' games are made of: rows of pieces, and of cards, read from a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from arena_games.board import Board, Cell

FIRST, SECOND = 0, 1  # seats
KEY = "\0"  # before a letter that names a column, and is no piece
Square = tuple[int, int]  # row from the top, column from the left


def block(text: str, line: str) -> list[str]:
    """The first lines in a row that all look like `line`, a pattern of a whole line."""
    rows: list[str] = []
    for row in text.splitlines():
        if re.fullmatch(line, row):
            rows.append(row)
        elif rows:
            break
    return rows


def pieces(
    rows: Iterable[Sequence[str]], seats: dict[str, int], legend: str, marked: Iterable[Square] = ()
) -> Board | None:
    """A board whose cells are pieces of a seat, or empty."""
    strong = set(marked)
    cells = tuple(
        tuple(_cell(symbol, seats, (row, column) in strong) for column, symbol in enumerate(line))
        for row, line in enumerate(rows)
    )
    return Board(cells, legend) if cells else None


def _cell(symbol: str, seats: dict[str, int], strong: bool) -> Cell:
    if symbol[:1] == KEY:
        return Cell(symbol[1:], "faint")
    if symbol not in seats:
        return Cell(symbol if symbol.isascii() and symbol.isprintable() else "?", "faint", strong=strong)
    return Cell(symbol, "seat", seats[symbol], strong)


def lettered_below(rows: list[list[str]], letters: str = "abcdefghijklmnopqrst") -> list[list[str]]:
    """Rows that begin with their number, and below them the letters of the columns."""
    keys = [KEY + letter for letter in letters[: len(rows[0]) - 1]] if rows else []
    return [*rows, [" ", *keys]] if rows else rows


def row_of_cards(names: Sequence[tuple[str, bool]], legend: str) -> Board:
    """Cards or dice in a row; those that are the seat's own stand out."""
    return Board(
        (tuple(Cell(symbol, "good" if own else "plain", strong=own) for symbol, own in names),), legend
    )
