"""Skins of three games of OpenSpiel: tic-tac-toe, Connect Four and Kuhn poker.

Their rules are told with every position, since names and symbols change from episode to episode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arena_games.board import Board
from arena_games.openspiel.boards import last_move
from arena_games.pictures import FIRST, KEY, SECOND, block, pieces
from arena_games.skins.drawn import LETTERS, SYMBOLS, drawn_from, drawn_words

Rows = list[str]
PILED = {0: ("down", "lowest"), 1: ("right", "rightmost"), 2: ("up", "highest"), 3: ("left", "leftmost")}
_WHO = re.compile(r"^You are (.*)\.$", re.MULTILINE)
_LAST = re.compile(r"^Last move: (.*) played (.*)\.$", re.MULTILINE)


def turned(rows: Sequence[str], mirrored: bool, quarters: int) -> Rows:
    """Rows of characters mirrored from left to right if so, then turned by quarters against the clock."""
    grid = np.array([list(row) for row in rows])
    grid = np.rot90(grid[:, ::-1] if mirrored else grid, quarters)
    return ["".join(row) for row in grid.tolist()]


@dataclass(frozen=True)
class GridSkin:
    """What both board games share: pieces and an empty cell under other symbols, a turned board, labels.

    `symbols` are those of x, o and the empty cell, in this order. `rows` and `columns` are the labels as the
    board lies now, empty where lines of that kind have none.
    """

    symbols: str
    mirrored: bool
    quarters: int
    rows: str
    columns: str

    def rules(self) -> list[str]:
        """The game's rules in this skin."""
        raise NotImplementedError

    def name(self, plain: str) -> str:
        """The new name of an action."""
        raise NotImplementedError

    def board(self, plain: str) -> Rows:
        """The rows of the plain text's board, as x, o and dots."""
        raise NotImplementedError

    def names(self, plain: Sequence[str]) -> tuple[str, ...]:
        return tuple([self.name(action) for action in plain])

    def text(self, plain: str) -> str:
        """Rules, who one is, the board with its labels, the last move, the legal actions."""
        who, last = _WHO.search(plain), _LAST.search(plain)
        lines = ["Rules:", *[f"- {rule}" for rule in self.rules()], ""]
        lines += [f"You are {self._piece(who[1])}.", ""] if who else []
        lines += self._drawn(turned(self.board(plain), self.mirrored, self.quarters))
        if last:
            lines += ["", f"Last move: {self._piece(last[1])} played {self.name(last[2])}."]
        _, listed, legal = plain.partition("Legal actions: ")
        if listed:
            lines += ["", f"Legal actions: {', '.join(self.names(legal.split(', ')))}"]
        return "\n".join(lines)

    def _piece(self, plain: str) -> str:
        return self.symbols["xo.".index(plain)]

    def _drawn(self, rows: Rows) -> Rows:
        cells = [" ".join(self._piece(cell) for cell in row) for row in rows]
        if self.rows:
            cells = [f"{label} {row}" for label, row in zip(self.rows, cells, strict=True)]
        above = [f"{'  ' if self.rows else ''}{' '.join(self.columns)}"] if self.columns else []
        return [*above, *cells]

    def _labels(self) -> Rows:
        """How rows and columns are called."""
        said = []
        if self.rows:
            said.append(f"{', '.join(self.rows)} from top to bottom name the rows.")
        if self.columns:
            said.append(f"{', '.join(self.columns)} from left to right name the columns.")
        return said


class TicTacToeSkin(GridSkin):
    """`kb` is the cell in row k, column b."""

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> TicTacToeSkin:
        labels = drawn_from(rng, LETTERS, 6)
        turn = bool(rng.integers(2)), int(rng.integers(4))
        return cls(drawn_from(rng, SYMBOLS, 3), *turn, labels[:3], labels[3:])

    def rules(self) -> list[str]:
        first, empty, row, column = self.symbols[0], self.symbols[2], self.rows[1], self.columns[2]
        return [
            *self._labels(),
            f"{first} moves first. In turn each player puts one piece on an empty cell, shown as {empty}.",
            "Three of one's own pieces in a row, a column or a diagonal win at once.",
            "If the board is full without that, the game is drawn.",
            f"{row}{column} puts your piece on row {row}, column {column}.",
            "A win pays +1, a draw 0, a loss -1.",
        ]

    def name(self, plain: str) -> str:
        """Of `x(0,1)`: the labels of the place to which that cell is turned."""
        marked = [["."] * 3 for _ in range(3)]
        marked[int(plain[2])][int(plain[4])] = "x"
        rows = turned(["".join(row) for row in marked], self.mirrored, self.quarters)
        row = next(number for number, cells in enumerate(rows) if "x" in cells)
        return f"{self.rows[row]}{self.columns[rows[row].index('x')]}"

    def board(self, plain: str) -> Rows:
        return block(plain, "[xo.]{3}")


class ConnectFourSkin(GridSkin):
    """A board whose pieces slide down, up or sideways; its lines have a letter instead of a number."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, columns: int) -> ConnectFourSkin:
        labels = drawn_from(rng, LETTERS, columns)
        mirrored, quarters = bool(rng.integers(2)), int(rng.integers(4))
        sideways = quarters % 2 == 1
        skin = (drawn_from(rng, SYMBOLS, 3), mirrored, quarters)
        return cls(*skin, labels if sideways else "", "" if sideways else labels)

    @property
    def lines(self) -> str:
        """The labels of the plain columns, from left to right."""
        labels = self.rows or self.columns
        backwards = (self.quarters in (1, 2)) != self.mirrored  # one or two quarters take the left to the end
        return labels[::-1] if backwards else labels

    def rules(self) -> list[str]:
        first, empty = self.symbols[0], self.symbols[2]
        kind = "row" if self.rows else "column"
        way, end = PILED[self.quarters]
        return [
            *self._labels(),
            f"{first} moves first. In turn each player drops one piece into a {kind} that is not full.",
            f"The piece slides {way}, to the {end} empty cell of that {kind}; {empty} is an empty cell.",
            "Four of one's own pieces in a line, across, upright or diagonal, win at once.",
            "If the board is full without that, the game is drawn.",
            f"{self.lines[3]} drops your piece into {kind} {self.lines[3]}. "
            "A win pays +1, a draw 0, a loss -1.",
        ]

    def name(self, plain: str) -> str:
        """Of `x3`: the label of that line."""
        return self.lines[int(plain[1:])]

    def board(self, plain: str) -> Rows:
        return block(plain, "[xo.]{2,}")


@dataclass(frozen=True)
class KuhnSkin:
    """Three cards and two actions by other names. `cards` are from low to high."""

    cards: tuple[str, ...]
    passed: str
    bet: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> KuhnSkin:
        words = drawn_words(rng, 5)
        return cls(tuple(word.capitalize() for word in words[:3]), *words[3:])

    def names(self, plain: Sequence[str]) -> tuple[str, ...]:
        return tuple([self._words[name] for name in plain])

    def text(self, plain: str) -> str:
        """The same lines in other words, the rules before them."""
        lines = plain.split("\n")
        said = [line if line.startswith("You are ") else self._said(line) for line in lines]
        return "\n".join(["Rules:", *[f"- {rule}" for rule in self.rules()], "", *said])

    def _said(self, line: str) -> str:
        return re.sub(r"\b(Jack|Queen|King|Pass|Bet|passed|bet)\b", lambda found: self._words[found[1]], line)

    @property
    def _words(self) -> Mapping[str, str]:
        cards = dict(zip(("Jack", "Queen", "King"), self.cards, strict=True))
        acts = {"Pass": self.passed, "passed": f"played {self.passed}"}
        return {**cards, **acts, "Bet": self.bet, "bet": f"played {self.bet}"}

    def rules(self) -> list[str]:
        """Kuhn's rules in this skin."""
        low, middle, high = self.cards
        return [
            f"The deck has three cards: {low}, {middle}, {high}, {low} the lowest and {high} the highest.",
            "Each player puts 1 chip into the pot and is dealt one card, which the other does not see.",
            f"player 0 acts first. {self.bet} adds 1 chip to the pot; after a {self.bet} it calls.",
            f"{self.passed} adds none: without a {self.bet} before, it checks; after a {self.bet} it folds: "
            "the other takes the pot.",
            "If nobody has folded, the higher card takes the pot.",
            "The game pays the chips won, or minus those lost: 1 or 2.",
        ]


def drawn_board(text: str) -> Board | None:
    """A position of either board game, read back from its text: whose a piece is, its rules tell."""
    rows, first = _labelled(text), re.search(r"^- (\S) moves first", text, re.MULTILINE)
    empty = re.search(r"shown as (\S)\.$|; (\S) is an empty cell", text, re.MULTILINE)
    if not rows or first is None or empty is None:
        return None
    nothing = empty[1] or empty[2]
    second = {cell for row in rows for cell in row} & set(SYMBOLS) - {first[1], nothing}
    seats = {first[1]: FIRST, **dict.fromkeys(second, SECOND)}
    cells = [[KEY + cell if cell in LETTERS else cell for cell in row] for row in rows]
    legend = f"{first[1]} moved first, {nothing} empty"
    return pieces(cells, seats, legend, _marked(rows, last_move(text)))


def _labelled(text: str) -> list[list[str]]:
    cell = f"[{re.escape(SYMBOLS)}{LETTERS} ]"
    found = [row for row in text.split("\n") if re.fullmatch(rf"{cell}( {cell})+", row)]
    return [list(row[::2]) for row in found]


def _marked(rows: list[list[str]], name: str) -> list[tuple[int, int]]:
    """The cell of a last move that names its row and its column."""
    if len(name) != 2:
        return []
    row = next((number for number, cells in enumerate(rows) if cells[0] == name[0]), None)
    return [] if row is None or name[1] not in rows[0] else [(row, rows[0].index(name[1]))]
