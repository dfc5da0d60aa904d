"""A board in colour: fixed backgrounds under black or white, legible whatever the terminal's theme."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from arena.untrusted import escaped_line
from arena_games.board import SYMBOL_WIDTH, Board, Cell

MOST_ROWS, MOST_COLUMNS = 40, 60  # of a board that is drawn
INK = "#000000"
TONES = {
    "faint": Style(dim=True),
    "plain": Style(),
    "good": Style(color=INK, bgcolor="#5faf00"),
    "bad": Style(color="#ffffff", bgcolor="#af0000", bold=True),
    "goal": Style(color=INK, bgcolor="#00d75f", bold=True),
}
SEATS = (("#00afaf", "#00ffff"), ("#d787af", "#ff87d7"), ("#d7af00", "#ffd700"), ("#8787ff", "#afafff"))


def draw(board: Board) -> Text | None:
    """The board, one line of text a row; None if it has no rows, uneven ones, or too many to show."""
    if not board.rows or len(board.rows) > MOST_ROWS or board.width > MOST_COLUMNS:
        return None
    if any(len(row) != board.width for row in board.rows):
        return None
    lines = (Text.assemble(*((symbol(cell), style(cell)) for cell in row)) for row in board.rows)
    return Text("\n", no_wrap=True).join(lines)


def symbol(cell: Cell) -> str:
    """The cell's symbol, as wide as all of them: what is no plain character becomes `?`."""
    plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in cell.symbol)
    return plain[:SYMBOL_WIDTH].rjust(SYMBOL_WIDTH)


def style(cell: Cell) -> Style:
    """The colours of a cell."""
    if cell.tone == "seat" and cell.seat is not None:
        return seat_style(cell.seat, cell.strong)
    return TONES.get(cell.tone, TONES["plain"])


def seat_style(seat: int, strong: bool = False) -> Style:
    """The colours of a seat, brighter where the eye should go."""
    return Style(color=INK, bgcolor=SEATS[seat % len(SEATS)][strong], bold=strong)


def legend(board: Board) -> str:
    """The board's legend on one line."""
    return escaped_line(board.legend, 200)
