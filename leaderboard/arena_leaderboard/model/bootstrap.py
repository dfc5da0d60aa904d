"""What all races of a tournament say together, and tournaments resampled from it.

Matches that share a seed share its map and its luck, so they are drawn together or not at all:
resampling single matches would count one lucky map many times and promise too much.

Arrays: B blocks (a game's seed each), P weighted choices, U different sets, A agents, R replicates
(row 0 is the data as it is).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.choices import BlockChoices, Ints, choices_of
from arena_leaderboard.model.plackett_luce import Choices, Floats
from arena_leaderboard.results import Race

CHUNK = 2**20  # draws that are held at a time before they are made small


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
        drawn_RB = np.ones((bootstraps, len(self.game)), dtype=np.uint16)
        for game, seeds in enumerate(self.seeds.tolist()):
            if seeds > 1:
                drawn_RB[:, self.game == game] = _seeds_drawn(seeds, bootstraps, generator)
        seeds_B = self.seeds[self.game]
        yield self.scale
        for drawn_B in drawn_RB:
            yield drawn_B * seeds_B / np.maximum(seeds_B - 1, 1) * self.scale

    def of_single_seeds(self) -> Choices:
        """One row: the choices in games with one seed, which resampling leaves as they are.

        It serves as a variance and is scaled as one: by the square.
        """
        alone_B = (self.seeds == 1)[self.game]
        return self.blocks.summed([alone_B * self.scale**2])


def gather(found: Sequence[Race], agents: Sequence[str]) -> Evidence:
    """The evidence of races of any number of games, each game scaled to the same total weight."""
    blocks = sorted({(race.game, race.seed) for race in found})
    number = {block: b for b, block in enumerate(blocks)}
    in_blocks = choices_of(found, [number[race.game, race.seed] for race in found], agents, len(blocks))
    seeds = Counter(game for game, _ in blocks)
    game_B = np.repeat(np.arange(len(seeds)), list(seeds.values()))
    return Evidence(in_blocks, game_B, _scale(in_blocks, game_B))


def _scale(in_blocks: BlockChoices, game_B: Ints) -> Floats:
    """What makes the games weigh equally, their mean weight staying as it is.

    A choice weighs its information about strengths when all are equal: 1 − 1/k from k agents.
    """
    share_UA = in_blocks.sets / in_blocks.sets.sum(axis=1, keepdims=True)
    information_P = in_blocks.weight * (1 - (share_UA**2).sum(axis=1))[in_blocks.drawn_from]
    weight_of_game = np.bincount(game_B[in_blocks.block], information_P)
    scale_B: Floats = (weight_of_game.mean() / weight_of_game)[game_B] if len(game_B) else np.ones(0)
    return scale_B


def _seeds_drawn(seeds: int, bootstraps: int, generator: np.random.Generator) -> NDArray[np.uint16]:
    """How often each of S seeds is among S − 1 draws, in each replicate (R, S)."""
    drawn_RS = np.empty((bootstraps, seeds), dtype=np.uint16)
    for chunk_KS in np.array_split(drawn_RS, -(-drawn_RS.size // CHUNK)):
        chunk_KS[:] = generator.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=len(chunk_KS))
    return drawn_RS
