"""Skins of our games on square boards, frozen-lake and snake: the text that a seat is shown, rewritten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arena_games.frozen_lake.rules import ACTIONS as LAKE_ACTIONS
from arena_games.frozen_lake.rules import MOVES as LAKE_MOVES
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.skins.drawn import DIRECTION_NAMES, SYMBOLS, Turn, drawn_from, drawn_words
from arena_games.snake.rules import ACTIONS as SNAKE_ACTIONS
from arena_games.snake.rules import MOVES as SNAKE_MOVES
from arena_games.snake.rules import SnakeConfig
from arena_games.squares import name

LAKE_SYMBOLS, SNAKE_SYMBOLS = "PGO_", "HBETA_"  # of the texts' drawings
_PLACES = re.compile(r"(?:You|Goal|Holes|Apples|Snake \d+): ")  # begins a line that says where things are
_CELL = re.compile(r"\((\d+), (\d+)\)")
_MEANT = re.compile(r"(?<=[:,] )(\S)(?= )")  # a symbol in the legend


@dataclass(frozen=True)
class BoardSkin:
    """A board that is turned and mirrored, with other symbols and actions called by other words.

    `words` are the new names by the plain ones, `leads` the direction in which each moves now, in words.
    """

    turn: Turn
    symbols: Mapping[str, str]
    words: Mapping[str, str]
    leads: Mapping[str, str]

    @classmethod
    def drawn(cls, rng: np.random.Generator, config: FrozenLakeConfig | SnakeConfig) -> BoardSkin:
        """Any turn, any words, any symbols."""
        lake = isinstance(config, FrozenLakeConfig)
        actions, moves = (LAKE_ACTIONS, LAKE_MOVES) if lake else (SNAKE_ACTIONS, SNAKE_MOVES)
        plain = LAKE_SYMBOLS if lake else SNAKE_SYMBOLS
        turn = Turn.drawn(rng, config.size)
        leads = [DIRECTION_NAMES[turn.direction(move)] for move in moves]
        return cls(
            turn,
            dict(zip(plain, drawn_from(rng, SYMBOLS, len(plain)), strict=True)),
            dict(zip(actions, drawn_words(rng, len(actions)), strict=True)),
            dict(zip(actions, leads, strict=True)),
        )

    def names(self, plain: Sequence[str]) -> tuple[str, ...]:
        return tuple([self.words[action] for action in plain])

    def text(self, plain: str) -> str:
        """Where everything is, the drawing and the actions, each in this skin; the rest as it stands."""
        lines = plain.split("\n")
        legend = next(number for number, line in enumerate(lines) if line.startswith("Legend: "))
        drawing = legend + 1, legend + 1 + self.turn.size
        return "\n".join(
            [
                *[self._placed(line) if _PLACES.match(line) else line for line in lines[:legend]],
                _MEANT.sub(lambda found: self.symbols[found[1]], lines[legend]),
                *self._drawn(lines[slice(*drawing)]),
                *[self._listed() if line.startswith("Actions: ") else line for line in lines[drawing[1] :]],
            ]
        )

    def _placed(self, line: str) -> str:
        if not line.startswith("Holes: "):
            return _CELL.sub(lambda found: name(self.turn.cell((int(found[1]), int(found[2])))), line)
        holes = sorted(self.turn.cell((int(x), int(y))) for x, y in _CELL.findall(line))  # as the game lists
        return f"Holes: {' '.join(map(name, holes)) or 'none'}"

    def _drawn(self, rows: Sequence[str]) -> list[str]:
        size = self.turn.size
        cells = {
            self.turn.cell((x, size - 1 - row)): self.symbols[symbol]
            for row, line in enumerate(rows)
            for x, symbol in enumerate(line.split(" "))
        }
        return [" ".join(cells[x, y] for x in range(size)) for y in reversed(range(size))]

    def _listed(self) -> str:
        """The actions by their new names, which come in an order of their own, and where each leads."""
        said = sorted(f"{word} (one cell {self.leads[action]})" for action, word in self.words.items())
        return f"Actions: {', '.join(said)}"
