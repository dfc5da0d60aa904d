"""What a seat is worth: how well it does when everyone sits on it equally often."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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
    scores: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for group in _balanced(result for result in results if result.rated and len(result.players) > 1):
        for result in group:
            for player, seat in enumerate(result.seats):
                scores[seat][result.seed].append(_score(result.placements, player))
    return tuple(_effect(seat, scores[seat]) for seat in sorted(scores))


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


def _effect(seat: int, by_seed: dict[int, list[float]]) -> SeatEffect:
    """The mean over matches; seeds are the independent units of its interval (Student's t).

    Where all seeds agree they show no spread, and the rule of three says what may have been missed.
    """
    matches = sum(map(len, by_seed.values()))
    seeds = len(by_seed)
    mean = math.fsum(score for scores in by_seed.values() for score in scores) / matches
    off = np.array([math.fsum(score - mean for score in scores) for scores in by_seed.values()])
    half = 3 / seeds
    if seeds > 1 and np.abs(off).max() > 1e-9:
        deviation = math.sqrt(float((off**2).sum()) * seeds / (seeds - 1)) / matches
        half = student_reach(0.95, seeds - 1) * deviation
    return SeatEffect(seat, mean, max(mean - half, 0.0), min(mean + half, 1.0), matches)
