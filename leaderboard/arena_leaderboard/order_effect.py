"""Does what two tournaments differ in, such as the prompt, decide who wins? By ranks, and a permutation test.

Both played the same seeds. Had the difference no effect, what was played on a seed in the one could as well
have been played in the other: so the seeds' results are swapped at random, and the ratings fitted anew.
Counted is Σ |Δ rank|, how far the agents' overall ranks move between the two. Where replies are drawn they
always move a little: what tells is how often chance alone moves them as far (p). Equal ratings share their
mean rank. Σ |Δ rating|, in points, is tested likewise: it tells more where agents are close, as their ranks
move by chance.

Arrays: R rows (row 0 as it was, the others permuted), N pairs of a seed's results, B blocks (one of a
pair each), A agents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from arena_leaderboard.model.bootstrap import Evidence, evidence_of
from arena_leaderboard.model.game_weights import Family, Weights, game_shares, itself
from arena_leaderboard.model.plackett_luce import Floats, fit
from arena_leaderboard.model.race_table import RaceTable
from arena_leaderboard.model.ratings import POINTS
from arena_leaderboard.results import MatchResult, Race, races

PERMUTATIONS = 999
DIGITS = 6  # of log-odds: what is closer is a tie


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """How far ranks moved from the first tournament to the second, and how far chance moves them.

    `moved` is Σ |Δ rank| over the `agents`, `by_chance` its mean over permutations, `p` how often they come
    to as much, what was played counted among them; `points`, `points_by_chance` and `points_p` are those of
    ratings. `first` and `second` are the ranks; `seeds` is how many, of all games, both played.
    """

    agents: tuple[str, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    moved: float
    by_chance: float
    p: float
    points: float
    points_by_chance: float
    points_p: float
    seeds: int

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def order_effect(
    first: Iterable[MatchResult],
    second: Iterable[MatchResult],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    weights: Weights = "game",
    family: Family = itself,
) -> OrderEffect | None:
    """By the seeds that both tournaments played; None where they share none; at least one permutation.

    `weights` and `family` are those of `standings`.
    """
    paired = _paired(first, second)
    if not paired:
        return None
    agents = tuple(
        sorted({agent for two in paired.values() for found in two for race in found for agent in race.agents})
    )
    evidence = _evidence(paired, agents, weights, family)
    swapped_RN = np.random.default_rng(seed).integers(0, 2, (permutations + 1, len(paired)), dtype=bool)
    swapped_RN[0] = False
    first_RA, second_RA = (_strengths(evidence, swapped_RN ^ other) for other in (False, True))
    ranks = [_ranks(theta_RA) for theta_RA in (first_RA, second_RA)]
    moved = _tested(np.abs(ranks[0] - ranks[1]).sum(axis=1))
    points = _tested(POINTS * np.abs(first_RA - second_RA).sum(axis=1))
    before, after = (tuple(of_RA[0].tolist()) for of_RA in ranks)
    return OrderEffect(agents, before, after, *moved, *points, len(paired))


def _tested(found_R: Floats) -> tuple[float, float, float]:
    """What was found, its mean over the permutations, and how often they come to as much."""
    alike_R = found_R >= found_R[0] - 1e-9
    return float(found_R[0]), float(found_R[1:].mean()), float(alike_R.mean())


def _paired(
    first: Iterable[MatchResult], second: Iterable[MatchResult]
) -> dict[tuple[str, int], tuple[list[Race], list[Race]]]:
    """The races of each game and seed in both, in the order of games and seeds."""
    ours, theirs = _by_seed(first), _by_seed(second)
    return {key: (ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())}


def _by_seed(results: Iterable[MatchResult]) -> dict[tuple[str, int], list[Race]]:
    found: dict[tuple[str, int], list[MatchResult]] = defaultdict(list)
    for result in results:
        found[result.game, result.seed].append(result)
    return {key: met for key, of_seed in found.items() if (met := races(of_seed))}


def _evidence(
    paired: dict[tuple[str, int], tuple[list[Race], list[Race]]],
    agents: Sequence[str],
    weights: Weights,
    family: Family,
) -> Evidence:
    """Blocks 2n and 2n + 1 are those of pair n, in the first and in the second."""
    tables: dict[str, RaceTable] = defaultdict(RaceTable)
    played: dict[str, int] = defaultdict(int)
    for number, ((game, _), two) in enumerate(paired.items()):
        for which, found in enumerate(two):
            tables[game].add(2 * number + which, found)
            played[game] += len(found)
    shares = game_shares(played, weights, family)
    return evidence_of(list(tables.values()), agents, [shares[game] for game in tables])


def _strengths(evidence: Evidence, second_RN: Any) -> Floats:
    """The strengths (R, A), of mean 0, by what each row takes of a pair (R, N): the first or the second."""
    taken_RB = np.stack([~second_RN, second_RN], axis=-1).reshape(len(second_RN), -1)
    theta_RA = fit(evidence.blocks.summed(evidence.scale * taken_B for taken_B in taken_RB))
    strengths_RA: Floats = np.round(theta_RA - theta_RA.mean(axis=1, keepdims=True), DIGITS)
    return strengths_RA


def _ranks(theta_RA: Floats) -> Floats:
    above_RA = (theta_RA[:, None, :] > theta_RA[:, :, None]).sum(axis=2)
    level_RA = (theta_RA[:, None, :] == theta_RA[:, :, None]).sum(axis=2)
    ranks_RA: Floats = above_RA + (level_RA + 1) / 2
    return ranks_RA
