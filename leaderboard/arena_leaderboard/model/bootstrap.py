"""What all races of a tournament say together, and tournaments resampled from it.

Matches that share a seed share its map and its luck, so they are drawn together or not at all:
resampling single matches would count one lucky map many times and promise too much.

Arrays: B blocks (a game's seed each), P weighted choices, U different sets, A agents, R replicates
(row 0 is the data as it is).
"""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.choices import BlockChoices, choices_from
from arena_leaderboard.model.plackett_luce import Choices, Floats
from arena_leaderboard.model.race_table import Ints, RaceTable
from arena_leaderboard.results import Race

HELD = 2**24  # draws of a game: 32 MB
NOBODY = np.zeros(0, dtype=np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The choices in every block, and what a block weighs.

    `game` (B,) numbers the game of each block from 0. `scale` (B,) is one number for all blocks of a
    game and makes the games weigh equally.
    """

    blocks: BlockChoices
    game: Ints
    scale: Floats

    @property
    def seeds(self) -> Ints:
        """How many seeds each game has."""
        return np.bincount(self.game)

    def resampled(self, bootstraps: int, generator: np.random.Generator) -> Choices:
        """Row 0: all choices; each further row: those of a tournament resampled seed by seed."""
        return self.blocks.summed(self._weights(bootstraps, generator))

    def _weights(self, bootstraps: int, generator: np.random.Generator) -> Iterator[Floats]:
        """The weights (B,) of the blocks in each row. All rows at once would be most of the memory taken.

        Of S seeds S − 1 are drawn, weighing S/(S − 1) each (Rao and Wu 1988): S understate the variance.
        """
        seeds_G = self.seeds.tolist()
        draws = [_Draws(seeds, bootstraps, generator) for seeds in seeds_G]
        seeds_B = self.seeds[self.game]
        yield self.scale
        for _ in range(bootstraps):
            # Blocks are sorted by game.
            drawn_B = np.concatenate([NOBODY, *(next(of_game) for of_game in draws)])
            yield drawn_B * seeds_B / np.maximum(seeds_B - 1, 1) * self.scale

    def of_single_seeds(self) -> Choices:
        """One row: the choices in games with one seed, which resampling leaves as they are.

        It serves as a variance and is scaled as one: by the square.
        """
        alone_B = (self.seeds == 1)[self.game]
        return self.blocks.summed([alone_B * self.scale**2])


def gather(found: Sequence[Race], agents: Sequence[str]) -> Evidence:
    """The evidence of races of any number of games, each game scaled to the same total weight."""
    tables: dict[str, RaceTable] = defaultdict(RaceTable)
    for (game, seed), races in groupby(sorted(found, key=_block), key=_block):
        tables[game].add(seed, races)
    return evidence_of([tables[game] for game in sorted(tables)], agents)


def _block(race: Race) -> tuple[str, int]:
    return race.game, race.seed


def evidence_of(
    tables: Sequence[RaceTable], agents: Sequence[str], shares: Sequence[float] | None = None
) -> Evidence:
    """The same of tables that hold the races of a game each; one without races says nothing.

    `shares` say what each game weighs beside the others; left out, all weigh the same.
    """
    raced = [table for table in tables if len(table)]
    weighed = zip(shares or [1.0] * len(tables), tables, strict=True)
    share_G = np.array([share for share, table in weighed if len(table)])
    column = {agent: a for a, agent in enumerate(agents)}
    firsts = list(accumulate(map(len, raced), initial=0))
    alike = chain.from_iterable(
        table.alike(column, first) for table, first in zip(raced, firsts, strict=False)
    )
    in_blocks = choices_from(alike, len(agents), firsts[-1])
    game_B = np.repeat(np.arange(len(raced)), [len(table) for table in raced])
    return Evidence(in_blocks, game_B, _scale(in_blocks, game_B, share_G))


def _scale(in_blocks: BlockChoices, game_B: Ints, share_G: Floats) -> Floats:
    """What makes the games weigh as their shares say, the weight of all together staying as it is.

    A choice weighs its information about strengths when all are equal: 1 − 1/k from k agents.
    """
    share_UA = in_blocks.sets / in_blocks.sets.sum(axis=1, keepdims=True)
    information_P = in_blocks.weight * (1 - (share_UA**2).sum(axis=1))[in_blocks.drawn_from]
    weight_of_game = np.bincount(game_B[in_blocks.block], information_P)
    if not len(game_B):
        return np.ones(0)
    scale_B: Floats = (weight_of_game.sum() / share_G.sum() * share_G / weight_of_game)[game_B]
    return scale_B


class _Draws(Iterator[NDArray[np.uint16]]):
    """How often each of S seeds is among S − 1 draws, replicate by replicate (S,).

    All replicates are drawn when it is made, by `generator`, which goes on behind them. They are held where
    they are few, and else drawn again from where it stood.
    """

    def __init__(self, seeds: int, replicates: int, generator: np.random.Generator) -> None:
        self._seeds = seeds
        self._again = copy.deepcopy(generator)
        self._held: list[NDArray[np.uint16]] = []
        if seeds == 1:
            return
        hold = seeds * replicates <= HELD
        for _ in range(replicates):
            drawn_S = self._drawn(generator)
            if hold:
                self._held.append(drawn_S)
        self._held.reverse()

    def __next__(self) -> NDArray[np.uint16]:
        if self._seeds == 1:
            return np.ones(1, dtype=np.uint16)
        return self._held.pop() if self._held else self._drawn(self._again)

    def _drawn(self, generator: np.random.Generator) -> NDArray[np.uint16]:
        chances_S = np.full(self._seeds, 1 / self._seeds)
        return generator.multinomial(self._seeds - 1, chances_S).astype(np.uint16)
