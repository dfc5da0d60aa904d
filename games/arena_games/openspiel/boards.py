"""Pictures of the best-known games, read back from what a seat was shown; the last move stands out."""

from __future__ import annotations

import re
from collections.abc import Callable

from arena_games.board import Board, Cell
from arena_games.pictures import FIRST, SECOND, Square, block, lettered_below, pieces, row_of_cards


def last_move(text: str) -> str:
    """The name of the last move, empty before the first."""
    found = re.search(r"^Last move: .*? played (.*)\.$", text, re.MULTILINE)
    return found[1] if found else ""


XO = {"x": FIRST, "o": SECOND}


def tic_tac_toe(text: str) -> Board | None:
    """Three rows of x, o and dots."""
    found = re.search(r"\((\d),(\d)\)", last_move(text))
    marked = [(int(found[1]), int(found[2]))] if found else []
    return pieces(block(text, "[xo.]{3}"), XO, "row 0 on top, column 0 left", marked)


def connect_four(text: str) -> Board | None:
    """The rows, and the columns' numbers below."""
    rows, name = block(text, "[xo.]{2,}"), last_move(text)
    column = int(name[1:]) if name[1:].isdecimal() else -1
    full = [row for row, line in enumerate(rows) if 0 <= column < len(line) and line[column] != "."]
    numbers = [[str(column % 10) for column in range(len(rows[0]))]] if rows else []
    return pieces(
        [*rows, *numbers], XO, "x and o; a digit is a column's number", [(row, column) for row in full[:1]]
    )


WHITE_BLACK = {**dict.fromkeys("KQRBNP", SECOND), **dict.fromkeys("kqrbnp", FIRST)}


def chess(text: str) -> Board | None:
    """The diagram, with the square that the last move went to."""
    rows = [row.split() for row in block(text, r"\d+( [KQRBNPkqrbnp.])+")]
    marked = [(row, column + 1) for row, column in _chess_targets(last_move(text), text, len(rows))]
    return pieces(lettered_below(rows), WHITE_BLACK, "capitals are White's", marked)


def _chess_targets(name: str, text: str, ranks: int) -> list[Square]:
    if name.startswith("O-O"):
        row = ranks - 1 if "White played" in text else 0
        return [(row, 2 if name.startswith("O-O-O") else 6)]
    found = re.findall(r"([a-h])(\d)", name)
    return [(ranks - int(found[-1][1]), ord(found[-1][0]) - ord("a"))] if found else []


def _lettered(name: str, top: int) -> list[Square]:
    """Squares such as `b3` in a name, where row 1 is `top` rows from the top."""
    return [
        (abs(top - int(row)), ord(column) - ord("a")) for column, row in re.findall(r"([a-z])(\d+)", name)
    ]


def breakthrough(text: str) -> Board | None:
    """The board as it is drawn, rows numbered from the bottom."""
    rows = [list(row) for row in block(text, r"\d[bw.]+")]
    marked = [(row, column + 1) for row, column in _lettered(last_move(text), len(rows))]
    seats = {"b": FIRST, "w": SECOND}
    return pieces(lettered_below(rows), seats, "b moves down, w up", marked[-1:])


def hex_board(text: str) -> Board | None:
    """The rhombus, each row half a cell further right."""
    rows = [row.split() for row in block(text, r" *\d+( +[^\s\d])+ *")]
    marked = [(row, column + row // 2 + 1) for row, column in _lettered(last_move(text), 1)]
    wide = len(rows) // 2
    shifted = [[row[0], *[" "] * (i // 2), *row[1:], *[" "] * (wide - i // 2)] for i, row in enumerate(rows)]
    seats = {**dict.fromkeys("xyzX", FIRST), **dict.fromkeys("opqO", SECOND)}
    return pieces(shifted, seats, "x joins top and bottom, o left and right; numbers are rows", marked)


def othello(text: str) -> Board | None:
    """Eight rows with their numbers."""
    rows = [row.split()[:-1] for row in block(text, r"\d( [xo-]){8} \d *")]
    marked = [(row, column + 1) for row, column in _lettered(last_move(text), 1)]
    return pieces(lettered_below(rows), XO, "x is Black, o White", marked)


GO_COLUMNS = "abcdefghjklmnopqrst"


def go(text: str) -> Board | None:
    """The points, row 1 at the bottom."""
    found = block(text, r" *\d+ [XO+]+")
    rows = [[row.split()[0], *row.split()[1]] for row in found]
    played = re.search(r"([a-hj-t])(\d+)$", last_move(text))
    marked = [(len(rows) - int(played[2]), GO_COLUMNS.index(played[1]) + 1)] if played else []
    seats = {"X": FIRST, "O": SECOND}
    return pieces(lettered_below(rows, GO_COLUMNS), seats, "X is Black, O White", marked)


def backgammon(text: str) -> Board | None:
    """The points as they are drawn, the bar between the halves."""
    rows = [list(row[1:-1]) for row in block(text, r"\|.{6}\|.{6}\|")]
    dice = re.search(r"^Dice: (\d*)$", text, re.MULTILINE)
    shown = f"dice {dice[1][0]} and {dice[1][1]}" if dice and len(dice[1]) == 2 else "no dice"
    return pieces(rows, XO, f"points 13 to 24 above, 12 to 1 below; {shown}")


def _card_game(pattern: str, legend: str) -> Callable[[str], Board | None]:
    def draw(text: str) -> Board | None:
        own = re.search(pattern, text)
        if own is None:
            return None
        open_ = re.search(r"^Open card: (\w)", text, re.MULTILINE)
        shown = [("?" if open_[1] == "n" else open_[1], False)] if open_ else []
        return row_of_cards([(own[1], True), *shown], legend)

    return draw


kuhn_poker = _card_game(r"Your card: (\w)", "the seat's own card")
leduc_poker = _card_game(r"Your card: (\w)", "the seat's own card, then the open one")


def liars_dice(text: str) -> Board | None:
    """The seat's own dice, then the last bid as a number of dice and a face."""
    dice = re.search(r"^Your dice: (.*)$", text, re.MULTILINE)
    if dice is None:
        return None
    own = [(face, True) for die in dice[1].split(", ") for face in die if face.isalnum()]
    bids = re.search(r"^Bids so far: .*?(\d+)-(\d+)(, Liar)?$", text, re.MULTILINE)
    last = [(" ", False), (bids[1][:2], False), ("x", False), (bids[2], False)] if bids else []
    return row_of_cards([*own, *last], "the seat's own dice; then the last bid, dice x face")


def pig(text: str) -> Board | None:
    """Each player's score to the next ten, and the turn's."""
    scores = re.search(r"^Scores: ([\d ]+), Turn total: (\d+)$", text, re.MULTILINE)
    if scores is None:
        return None
    rows = []
    for seat, score in enumerate(scores[1].split()):
        full = min(10, int(score) // 10)
        bar = [Cell("#", "seat", seat)] * full + [Cell(".", "faint")] * (10 - full)
        rows.append(tuple(bar))
    return Board(tuple(rows), f"a # is ten points; this turn {scores[2]}")
