"""What a skin is made of: words that mean nothing, symbols, and a way to turn and mirror a board."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from arena_games.squares import Cell

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
LETTERS = "bcdfghjkmnpqrstvwz"  # that name rows and columns; none that is a symbol of the plain games
SYMBOLS = "#%&@=+~$^"
DIRECTIONS: tuple[Cell, ...] = ((0, 1), (0, -1), (-1, 0), (1, 0))
DIRECTION_NAMES = dict(zip(DIRECTIONS, ("up", "down", "left", "right"), strict=True))


class Skin(Protocol):
    """One skin of a game: its texts and names in other words."""

    def text(self, plain: str) -> str:
        """A seat's text in this skin."""

    def names(self, plain: Sequence[str]) -> tuple[str, ...]:
        """The names of actions in this skin, in the same order."""


def skin_seed(*parts: object) -> int:
    """A seed that is a function of what names a skin."""
    text = ":".join(map(str, ("skins", *parts))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def drawn_words(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Different words of two syllables, such as `zuva`."""
    words: dict[str, None] = {}
    while len(words) < count:
        places = rng.integers((len(CONSONANTS), len(VOWELS)) * 2)
        words["".join(kind[place] for kind, place in zip((CONSONANTS, VOWELS) * 2, places, strict=True))] = (
            None
        )
    return tuple(words)


def drawn_from(rng: np.random.Generator, characters: str, count: int) -> str:
    """So many different ones of the characters, in any order."""
    return "".join(characters[place] for place in rng.permutation(len(characters))[:count])


@dataclass(frozen=True, slots=True)
class Turn:
    """One of the eight ways to lay a square board of `size` cells a side: mirrored or not, then turned."""

    size: int
    mirrored: bool
    quarters: int

    @classmethod
    def drawn(cls, rng: np.random.Generator, size: int) -> Turn:
        """Each with the same probability."""
        return cls(size, bool(rng.integers(2)), int(rng.integers(4)))

    def cell(self, cell: Cell) -> Cell:
        """Where a cell (x, y) comes to lie."""
        x, y = cell
        if self.mirrored:
            x = self.size - 1 - x
        for _ in range(self.quarters):
            x, y = y, self.size - 1 - x
        return x, y

    def direction(self, direction: Cell) -> Cell:
        """Where a step that led in this direction leads now."""
        (x, y), (from_x, from_y) = self.cell(direction), self.cell((0, 0))
        return x - from_x, y - from_y
