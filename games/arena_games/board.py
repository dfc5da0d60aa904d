"""A position as a picture of cells, for people who watch; players see the text only.

A game may give its spec a pure function `board(observation) -> Board | None`. It reads the
observation's *text*: stored matches keep no grid. None means that there is nothing to draw, and
the viewer then shows the text alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["faint", "plain", "good", "bad", "goal", "seat"]
SYMBOL_WIDTH = 2  # characters, so that a cell of a terminal is about as wide as high


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `symbol` alone must tell it apart, colours only help.

    `symbol` is one or two printable ASCII characters. `tone` says what the cell means to a player,
    and the viewer picks the colour; "seat" is the colour of the player on `seat`. `strong` marks
    what the eye should find first.
    """

    symbol: str
    tone: Tone = "plain"
    seat: int | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """Rows of equally many cells, the top row first; `legend` says in one line what the symbols mean."""

    rows: tuple[tuple[Cell, ...], ...]
    legend: str = ""

    @property
    def width(self) -> int:
        """Cells in a row."""
        return len(self.rows[0]) if self.rows else 0
