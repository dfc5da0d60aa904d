"""Pictures of Gymnasium's toy-text environments, read back from what the player was shown."""

from __future__ import annotations

import re

from arena_games.base import Observation
from arena_games.board import Board, Cell, Tone
from arena_games.pictures import block, row_of_cards

PLAYER = re.compile(r"\[.\]|.")  # a character, in brackets where the player stands on it
TONES: dict[str, Tone] = {"F": "faint", "S": "plain", "H": "bad", "G": "goal"}


def _player(symbol: str) -> Cell:
    return Cell(symbol, "seat", 0, strong=True)


def frozen_lake(seen: Observation) -> Board | None:
    """The map; the player stands where the text has brackets."""
    rows = [PLAYER.findall(row) for row in block(seen.text, r"(\[[SFHG]\]|[SFHG])+")]
    cells = tuple(tuple(_of_lake(symbol) for symbol in row) for row in rows)
    return Board(cells, "P you, S start, G goal, H hole, . ice") if cells else None


def _of_lake(symbol: str) -> Cell:
    if symbol[0] == "[":
        return _player(f"P{symbol[1]}" if symbol[1] in "HG" else "P")
    return Cell("." if symbol == "F" else symbol, TONES[symbol])


def cliff(seen: Observation) -> Board | None:
    """Four rows of ground; the player is x."""
    tones: dict[str, Tone] = {"o": "faint", "C": "bad", "T": "goal"}
    rows = [row.split() for row in block(seen.text, r"[oxCT]( +[oxCT]){11} *")]
    cells = tuple(
        tuple(_player("P") if at == "x" else Cell("." if at == "o" else at, tones[at]) for at in row)
        for row in rows
    )
    return Board(cells, "P you, T goal, C cliff, . ground") if cells else None


def taxi(seen: Observation) -> Board | None:
    """The streets with their walls; P is the taxi."""
    rows = [PLAYER.findall(row[1:-1]) for row in block(seen.text, r"\|[^+-]*\|")]
    cells = tuple(
        tuple(_player("P") if len(at) > 1 else Cell(_street(at), _tone(at)) for at in row) for row in rows
    )
    return Board(cells, "P the taxi, | a wall") if cells and len({len(row) for row in cells}) == 1 else None


def _street(symbol: str) -> str:
    """What stands between two streets is left blank, unless it is a wall."""
    return {" ": ".", ":": " "}.get(symbol, symbol)


def _tone(symbol: str) -> Tone:
    return "goal" if symbol.isalpha() else "bad" if symbol == "|" else "faint"


def blackjack(seen: Observation) -> Board | None:
    """The own sum, then the dealer's open card."""
    found = re.search(r"^Your sum: (\d+).*\nThe dealer shows: (\w+)", seen.text, re.MULTILINE)
    if found is None:
        return None
    shown = "A" if found[2] == "ace" else found[2]
    return row_of_cards([(found[1][-2:], True), (shown[:2], False)], "your sum, then the dealer's card")
