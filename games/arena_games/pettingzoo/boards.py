"""Pictures of PettingZoo's classic games, read back from what a seat was shown."""

from __future__ import annotations

import re

from arena_games.base import Observation
from arena_games.board import Board
from arena_games.pictures import FIRST, SECOND, block, lettered_below, pieces, row_of_cards

MEN = {**dict.fromkeys("KQRBNP", FIRST), **dict.fromkeys("kqrbnp", SECOND)}


def _own_first(seen: Observation) -> dict[str, int]:
    """Whose X and O are: in the texts X are the reader's own."""
    return {"X": seen.seat, "O": 1 - seen.seat}


def connect_four(seen: Observation) -> Board | None:
    """The rows, and the columns' numbers below."""
    rows = block(seen.text, "[XO.]{7}")
    return pieces([*rows, "0123456"] if rows else [], _own_first(seen), "a digit is a column's number")


def tic_tac_toe(seen: Observation) -> Board | None:
    """Three rows; an empty cell shows its number."""
    rows = [row.split() for row in block(seen.text, r"[XO\d]( [XO\d]){2}")]
    return pieces(rows, _own_first(seen), "a digit is an empty cell's number")


def chess(seen: Observation) -> Board | None:
    """The diagram."""
    rows = [row.split() for row in block(seen.text, r"\d( [KQRBNPkqrbnp.]){8}")]
    return pieces(lettered_below(rows), MEN, "capitals are White's")


def go(seen: Observation) -> Board | None:
    """The points, row 1 at the bottom."""
    found = [row.split() for row in block(seen.text, r" *\d+ [XO.]+")]
    rows = [[number, *points] for number, points in found]
    return pieces(lettered_below(rows, "abcdefghjklmnopqrst"), _own_first(seen), "row 1 at the bottom")


def cards(seen: Observation) -> Board | None:
    """The seat's own cards, then the open ones: a suit and a rank, or what the library calls them."""
    own, shown = (re.search(rf"^{key}: (.*)$", seen.text, re.MULTILINE) for key in ("hand", "public cards?"))
    if own is None:
        return None
    open_ = [card for card in (shown[1].split(", ") if shown else []) if re.fullmatch("[A-Z0-9]{1,2}", card)]
    held = [(card[:2], True) for card in own[1].split(", ")]
    return row_of_cards(
        [*held, *[(card, False) for card in open_]], "the seat's own cards, then the open ones"
    )
