"""Returns on the same seeds, seed by seed, of two agents, or of one with and without skins.

What luck both sides share falls out of the difference.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from arena_games.base import UsageError
from arena_games.skins import split_name
from arena_leaderboard import MatchResult
from arena_leaderboard.model.quantiles import student_reach

__all__ = ["Paired", "SkinDrop", "paired_returns", "skin_drops"]

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


@dataclass(frozen=True, slots=True)
class SkinDrop:
    """What an agent lost on a game by its skins, `plain` less `skinned`, over `seeds` that it met in both.

    Returns are means over the seeds. The interval is Student's t over the seeds' drops, at 95 %; None with
    fewer than two seeds. In a game against others the others wore the same skins.
    """

    agent: str
    game: str
    skins: int
    seeds: int
    plain: float
    skinned: float
    drop: float
    ci95: tuple[float, float] | None


def skin_drops(results: Iterable[MatchResult]) -> list[SkinDrop]:
    """Of every agent and game that were played plain and in skins, in the order in which games came."""
    by_game: dict[str, list[MatchResult]] = defaultdict(list)
    for result in results:
        by_game[result.game].append(result)
    found: list[SkinDrop] = []
    for name, dressed in list(by_game.items()):
        skins, plain = _plain_of(name)
        if not skins:
            continue
        as_plain = [replace(result, game=plain) for result in dressed]
        for agent in sorted({player for result in by_game.get(plain, ()) for player in result.players}):
            pairs = paired_returns(by_game[plain], agent, as_plain, agent)
            found += [_drop(agent, skins, pair) for pair in pairs]
    return found


def with_skins(games: Iterable[str]) -> set[str]:
    """The games that are played in skins, and their plain forms."""
    dressed = {name: plain for name in games for skins, plain in [_plain_of(name)] if skins}
    return {*dressed, *dressed.values()}


def _plain_of(name: str) -> tuple[int, str]:
    """How many skins a game wears, 0 for none, and its name without them; a stored name may be anything."""
    try:
        return split_name(name) or (0, name)
    except UsageError:
        return 0, name


def _drop(agent: str, skins: int, pair: Paired) -> SkinDrop:
    # Taken from 0.0, so that nothing is shown as -0.00.
    ci95 = None if pair.ci95 is None else (0.0 - pair.ci95[1], 0.0 - pair.ci95[0])
    return SkinDrop(agent, pair.game, skins, pair.seeds, pair.first, pair.second, 0.0 - pair.difference, ci95)


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
