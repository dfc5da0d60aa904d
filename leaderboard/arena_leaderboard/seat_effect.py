"""What a seat is worth: how well it does when everyone sits on it equally often."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from arena_leaderboard.model.quantiles import student_reach
from arena_leaderboard.results import MatchResult


@dataclass(frozen=True, slots=True)
class SeatEffect:
    """The mean score of a seat, from 0, with its 95 % interval: an even seat scores 0.5.

    The score of a match is the share of the other seats that were left behind, a tie counting half.
    """

    seat: int
    score: float
    low: float
    high: float
    matches: int

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def seat_effects(results: Iterable[MatchResult]) -> tuple[SeatEffect, ...]:
    """The effect of every seat in one game's rated matches of two or more players; empty if there are none.

    Only line-ups count that met one seed with every agent equally often on every seat, so that the
    agents' strengths cancel.
    """
    by_seed: dict[int, list[MatchResult]] = defaultdict(list)
    for result in results:
        by_seed[result.seed].append(result)
    scores = SeatScores()
    for of_seed in by_seed.values():
        scores.add(of_seed)
    return scores.effects()


class SeatScores:
    """The scores of every seat, added seed by seed."""

    def __init__(self) -> None:
        self._scores: dict[int, array[float]] = defaultdict(lambda: array("d"))
        self._ends: dict[int, array[int]] = defaultdict(lambda: array("q"))  # of each seed's scores

    def add(self, results: Iterable[MatchResult]) -> None:
        """Add a seed's results."""
        matches = (result for result in results if result.rated and len(result.players) > 1)
        scored: set[int] = set()
        for group in _balanced(matches):
            for result in group:
                for player, seat in enumerate(result.seats):
                    self._scores[seat].append(_score(result.placements, player))
                    scored.add(seat)
        for seat in scored:
            self._ends[seat].append(len(self._scores[seat]))

    def effects(self) -> tuple[SeatEffect, ...]:
        """The effect of every seat."""
        return tuple(_effect(seat, self._scores[seat], self._ends[seat]) for seat in sorted(self._scores))


def _balanced(results: Iterable[MatchResult]) -> Iterable[list[MatchResult]]:
    groups: dict[tuple[int, tuple[str, ...]], list[MatchResult]] = defaultdict(list)
    for result in results:
        groups[result.seed, tuple(sorted(result.players))].append(result)
    return [group for group in groups.values() if _is_balanced(group)]


def _is_balanced(group: Iterable[MatchResult]) -> bool:
    held = Counter(place for result in group for place in zip(result.players, result.seats, strict=True))
    seats = {seat for _, seat in held}
    return all(len({held[agent, seat] for seat in seats}) == 1 for agent, _ in held)


def _score(placements: tuple[int, ...], player: int) -> float:
    behind = sum(other > placements[player] for other in placements)
    level = sum(other == placements[player] for other in placements) - 1
    return (behind + level / 2) / (len(placements) - 1)


def _effect(seat: int, scores: Sequence[float], ends: Sequence[int]) -> SeatEffect:
    """The mean over matches; seeds are the independent units of its interval (Student's t).

    `ends` are those of the seeds' scores. Where all seeds agree they show no spread, and the rule of three
    says what may have been missed.
    """
    matches, seeds = len(scores), len(ends)
    mean = math.fsum(scores) / matches
    starts = chain([0], ends)
    off = np.array(
        [
            math.fsum(score - mean for score in scores[start:end])
            for start, end in zip(starts, ends, strict=False)
        ]
    )
    half = 3 / seeds
    if seeds > 1 and np.abs(off).max() > 1e-9:
        deviation = math.sqrt(float((off**2).sum()) * seeds / (seeds - 1)) / matches
        half = student_reach(0.95, seeds - 1) * deviation
    return SeatEffect(seat, mean, max(mean - half, 0.0), min(mean + half, 1.0), matches)
