"""Races as weighted choices, which is all that the ratings' model needs to know of them.

A match is a Plackett–Luce race, run as a chain of choices from those still left. Seats that tie left in
some order that nobody saw: each of their orders counts equally often. With m tied above a set L, the
choice from S ∪ L, for a subset S of the tied, then weighs 1 / C(m, |S|). Of two seats that is half a
win for each.

Single-seat episodes of one seed, and a match of more than `LARGEST` seats, enter as their pairs, each
weighing 1/(n − 1), so that an entrant counts once however many it ran against; a tie is half a win.

Arrays: N races of one size, E entrants of a race, M sets of entrants, B blocks (a game's seed each),
A agents, P weighted choices.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from arena_leaderboard.model.plackett_luce import Choices, Floats
from arena_leaderboard.model.race_table import Alike, Ints
from arena_leaderboard.results import Race

CHUNK = 2**15  # races that are treated at a time
LARGEST = 8  # seats of a match whose sets are all gone through: 2⁸ − 1


@dataclass(frozen=True, slots=True, eq=False)
class BlockChoices:
    """The choices of every block: `weight` (P,) of choices from set `drawn_from` (P,) in `block` (P,).

    `sets` (U, A): how many seats each agent holds in each different set. `chosen` (B, A): the weight
    of each block's choices that fell on each agent.
    """

    sets: Floats
    block: Ints
    drawn_from: Ints
    weight: Floats
    chosen: Floats

    def surprise(self, strengths_A: Floats) -> Floats:
        """How much more often each agent was chosen in each block than its strength promised: (B, A)."""
        share_UA = self.sets * np.exp(strengths_A - strengths_A.max())
        share_UA /= share_UA.sum(axis=1, keepdims=True)
        surprise_BA = self.chosen.copy()
        for a in range(len(strengths_A)):
            expected_P = self.weight * share_UA[self.drawn_from, a]
            surprise_BA[:, a] -= np.bincount(self.block, expected_P, minlength=len(surprise_BA))
        return surprise_BA

    def summed(self, weights: Iterable[Floats]) -> Choices:
        """The choices of all blocks together, for each row of weights (B,) of the blocks."""
        drawn_RU, chosen_RA = [], []
        for weights_B in weights:
            weight_P = self.weight * weights_B[self.block]
            drawn_RU.append(np.bincount(self.drawn_from, weight_P, minlength=len(self.sets)))
            chosen_RA.append(weights_B @ self.chosen)
        return Choices(self.sets, np.stack(drawn_RU), np.stack(chosen_RA))


def choices_of(
    found: Sequence[Race], blocks: Sequence[int], agents: Sequence[str], count: int
) -> BlockChoices:
    """The choices of races, of which each belongs to one of `count` blocks."""
    column = {agent: a for a, agent in enumerate(agents)}
    kinds: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for n, race in enumerate(found):
        kinds[race.met, len(race.agents)].append(n)
    alike = (
        Alike(
            met,
            np.array([blocks[n] for n in group]),
            np.array([[column[agent] for agent in found[n].agents] for n in group]),
            np.array([found[n].scores for n in group]),
        )
        for (met, _), group in kinds.items()
    )
    return choices_from(alike, len(agents), count)


def choices_from(found: Iterable[Alike], agents: int, count: int) -> BlockChoices:
    """The choices of races that belong to `count` blocks, `CHUNK` races at a time."""
    chosen_BA = np.zeros((count, agents))
    sets = _Sets(agents)
    rows: list[tuple[Ints, Ints, Floats]] = []
    for races in found:
        for start in range(0, len(races.blocks_N), CHUNK):
            chunk = slice(start, start + CHUNK)
            blocks_N, entrants_NE = races.blocks_N[chunk], races.entrants_NE[chunk]
            scores_NE = races.scores_NE[chunk]
            run = _chains if races.met and entrants_NE.shape[1] <= LARGEST else _pairs
            masks_ME, weights_NM, won_NE = run(scores_NE)
            np.add.at(chosen_BA, (blocks_N[:, None], entrants_NE), won_NE)
            race_P, mask_P = np.nonzero(weights_NM)
            members_PE = np.where(masks_ME[mask_P], entrants_NE[race_P], agents)
            numbers_P = sets.numbers(np.sort(members_PE, axis=1))
            rows.append((blocks_N[race_P], numbers_P, weights_NM[race_P, mask_P]))
    sets_UA, place_U = sets.sorted()
    block_P = np.concatenate([np.zeros(0, dtype=np.int64), *(block for block, _, _ in rows)])
    drawn_from_P = place_U[np.concatenate([np.zeros(0, dtype=np.int64), *(drawn for _, drawn, _ in rows)])]
    weight_P = np.concatenate([np.zeros(0), *(weight for _, _, weight in rows)])
    return BlockChoices(sets_UA, block_P, drawn_from_P, weight_P, chosen_BA)


class _Sets:
    """Different sets of entrants, numbered as they come."""

    def __init__(self, agents: int) -> None:
        self._agents = agents
        self._numbers: dict[tuple[int, ...], int] = {}

    def numbers(self, members_PE: Ints) -> Ints:
        """The numbers of sets, whose members are sorted; who is no agent is nobody."""
        different_DE, which_P = np.unique(members_PE, axis=0, return_inverse=True)
        number_D = np.array(
            [
                self._numbers.setdefault(
                    tuple(member for member in members if member < self._agents), len(self._numbers)
                )
                for members in different_DE.tolist()
            ],
            dtype=np.int64,
        )
        found_P: Ints = number_D[which_P.reshape(-1)]
        return found_P

    def sorted(self) -> tuple[Floats, Ints]:
        """Each set as seats per agent (U, A), in an order of their own, and the place of each number (U,)."""
        longest = max(map(len, self._numbers), default=0)
        nobody = (self._agents,)
        order = sorted(self._numbers, key=lambda members: members + nobody * (longest - len(members)))
        sets_UA, place_U = np.zeros((len(order), self._agents)), np.empty(len(order), dtype=np.int64)
        for place, members in enumerate(order):
            np.add.at(sets_UA[place], list(members), 1)
            place_U[self._numbers[members]] = place
        return sets_UA, place_U


def _chains(scores_NE: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Sets of entrants (M, E), the weight of the choices from each (N, M), and of those won (N, E)."""
    seats = scores_NE.shape[1]
    masks_ME = (np.arange(1, 2**seats)[:, None] >> np.arange(seats)) % 2 == 1
    weights_NM = np.stack([_weight_of_set(scores_NE, mask_E) for mask_E in masks_ME], axis=1)
    return masks_ME, weights_NM, np.ones(scores_NE.shape)


def _weight_of_set(scores_NE: Floats, mask_E: NDArray[np.bool_]) -> Floats:
    """How often, over the orders of the tied, just these entrants are the ones still left."""
    best_N1 = scores_NE[:, mask_E].max(axis=1, keepdims=True)
    tied_NE = scores_NE == best_N1
    all_worse_are_in_N = (mask_E | (scores_NE >= best_N1)).all(axis=1)
    ways_EE = np.array([[max(comb(m, k), 1) for k in range(mask_E.size + 1)] for m in range(mask_E.size + 1)])
    weights_N: Floats = all_worse_are_in_N / ways_EE[tied_NE.sum(axis=1), (tied_NE & mask_E).sum(axis=1)]
    return weights_N


def _pairs(scores_NE: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """As `_chains`, with pairs as the only sets."""
    races, entrants = scores_NE.shape
    masks_ME = np.zeros((entrants * (entrants - 1) // 2, entrants), dtype=bool)
    for mask_E, pair in zip(masks_ME, combinations(range(entrants), 2), strict=True):
        mask_E[list(pair)] = True
    ahead_NEE = np.sign(scores_NE[:, :, None] - scores_NE[:, None, :])
    won_NE = (ahead_NEE.sum(axis=2) / (entrants - 1) + 1) / 2
    return masks_ME, np.full((races, len(masks_ME)), 1 / (entrants - 1)), won_NE
