"""Races of one game in arrays that grow: what is left of a million of them while the ratings are made.

A block holds the races of one seed. Arrays: N races of one kind and size, E entrants of a race.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.plackett_luce import Floats
from arena_leaderboard.results import Race

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Races that are treated as one array, `met` as in `Race`: blocks (N,), entrants and scores (N, E)."""

    met: bool
    blocks_N: Ints
    entrants_NE: Ints
    scores_NE: Floats


@dataclass(slots=True)
class _Columns:
    blocks: array[int] = field(default_factory=lambda: array("q"))
    entrants: array[int] = field(default_factory=lambda: array("i"))
    scores: array[float] = field(default_factory=lambda: array("d"))


class RaceTable:
    """Races of one game, added seed by seed."""

    def __init__(self) -> None:
        self._seeds: list[int] = []  # of the blocks
        self._names: dict[str, int] = {}  # numbers of agents as they came
        self._kinds: dict[tuple[bool, int], _Columns] = {}

    def __len__(self) -> int:
        """How many seeds have races."""
        return len(self._seeds)

    def add(self, seed: int, races: Iterable[Race]) -> None:
        """Add all races of one seed, which must not have been added before."""
        block = len(self._seeds)
        for race in races:
            columns = self._kinds.setdefault((race.met, len(race.agents)), _Columns())
            columns.blocks.append(block)
            columns.entrants.extend(self._names.setdefault(name, len(self._names)) for name in race.agents)
            columns.scores.extend(race.scores)
            if len(self._seeds) == block:
                self._seeds.append(seed)

    def alike(self, column: dict[str, int], first: int) -> Iterator[Alike]:
        """The races by kind; `column` numbers the agents, and blocks are numbered from `first` by seed."""
        place_B = np.empty(len(self._seeds), dtype=np.int64)
        place_B[sorted(range(len(self._seeds)), key=self._seeds.__getitem__)] = np.arange(len(self._seeds))
        number_A = np.array([column[name] for name in self._names], dtype=np.int64)
        for (met, size), columns in self._kinds.items():
            blocks_N = first + place_B[np.frombuffer(columns.blocks, dtype=np.int64)]
            entrants_NE = number_A[np.frombuffer(columns.entrants, dtype=np.intc)].reshape(-1, size)
            yield Alike(met, blocks_N, entrants_NE, np.frombuffer(columns.scores).reshape(-1, size))
