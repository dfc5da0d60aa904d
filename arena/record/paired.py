"""Two agents' returns on the same seeds, seed by seed: what luck they share falls out of the difference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from arena_leaderboard import MatchResult
from arena_leaderboard.model.quantiles import student_reach

__all__ = ["Paired", "paired_returns"]

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Paired:
    """One game: mean returns over the seeds that both met, the second's less the first's, with its interval.

    The interval is Student's t over the seeds' differences, at 95 %; None with fewer than two seeds.
    """

    game: str
    seeds: int
    first: float
    second: float
    difference: float
    ci95: tuple[float, float] | None


def paired_returns(
    first: Iterable[MatchResult], agent: str, second: Iterable[MatchResult], other: str
) -> list[Paired]:
    """What `agent` got in the first results and `other` in the second, for each game and its shared seeds.

    A seed's return is the mean over the rated matches and seats that the agent had on it.
    """
    ours, theirs = _by_game(first, agent), _by_game(second, other)
    return [
        _paired(game, [(ours[game][seed], theirs[game][seed]) for seed in shared])
        for game in sorted(ours.keys() & theirs.keys())
        if (shared := sorted(ours[game].keys() & theirs[game].keys()))
    ]


def _by_game(results: Iterable[MatchResult], agent: str) -> Mapping[str, Mapping[int, float]]:
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        for player, got in zip(result.players, result.returns, strict=True):
            if result.rated and player == agent:
                found[result.game][result.seed].append(got)
    return {game: {seed: fmean(got) for seed, got in seeds.items()} for game, seeds in found.items()}


def _paired(game: str, pairs: list[tuple[float, float]]) -> Paired:
    differences = [second - first for first, second in pairs]
    mean, n = fmean(differences), len(differences)
    ci95 = None
    if n > 1:
        reach = student_reach(LEVEL, n - 1) * stdev(differences) / math.sqrt(n)
        ci95 = (mean - reach, mean + reach)
    return Paired(game, n, fmean(one for one, _ in pairs), fmean(two for _, two in pairs), mean, ci95)
