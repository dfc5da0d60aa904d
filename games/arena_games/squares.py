"""How texts name and draw the cells of a square board: (0, 0) bottom left, x to the right, y up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from arena_games.base import Grid

Cell = tuple[int, int]

name = cache(str)  # of a cell, `(2, 0)`: there are few cells, and each is named in every turn


def listed(cells: tuple[Cell, ...]) -> str:
    """The cells in their order, `(2, 0) (1, 3)`, or `none`."""
    return " ".join(map(name, cells)) or "none"


@dataclass(frozen=True, slots=True)
class Canvas:
    """The drawing of a free board, ASCII with `_` for each cell, and the place of each cell in it.

    To draw, copy `free` into a bytearray, set the bytes at the cells' places, decode.
    """

    free: bytes
    places: Mapping[Cell, int]


@cache
def canvas(size: int) -> Canvas:
    """Of `size` x `size` cells."""
    cells = [(x, y) for y in reversed(range(size)) for x in range(size)]
    places = {cell: 2 * index for index, cell in enumerate(cells)}  # a space or a line's end after each
    return Canvas("\n".join([" ".join("_" * size)] * size).encode(), places)


def turned_and_mirrored(grid: Grid) -> tuple[Grid, ...]:
    """The eight views (C, N, N) of a square board that is turned and mirrored, itself first."""
    turned = [np.rot90(grid, turns, axes=(1, 2)) for turns in range(4)]
    return (*turned, *(view.transpose(0, 2, 1) for view in turned))


def mirrored_between_corners(grid: Grid) -> tuple[Grid, ...]:
    """The view (C, N, N), and its mirror image that keeps the cells top left and bottom right in place."""
    return grid, grid[:, ::-1, ::-1].transpose(0, 2, 1)
