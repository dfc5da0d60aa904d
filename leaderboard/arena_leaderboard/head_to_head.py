"""Who finished ahead of whom: every pair of agents, in each game and over all games."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from arena_leaderboard.results import MatchResult, Race, races


@dataclass(frozen=True, slots=True)
class Duels:
    """How often each agent finished ahead of each other, rows and columns in one order of agents.

    `shares[i][j]` is the share, 0 to 1, of their meetings in which i finished ahead of j, a tie
    counting half; None where they never met. `meetings[i][j]` is how often they met. Two seats of
    one match are one meeting; in single-seat games two agents meet on each seed that both played.
    """

    shares: tuple[tuple[float | None, ...], ...]
    meetings: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """`{"shares": [[…]…], "meetings": [[…]…]}`."""
        return {
            "shares": [list(row) for row in self.shares],
            "meetings": [list(row) for row in self.meetings],
        }


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """The duels of `agents` per game; `overall` has the mean of the games' shares and all their meetings."""

    agents: tuple[str, ...]
    overall: Duels
    games: dict[str, Duels]

    def to_json(self) -> dict[str, Any]:
        """`{"agents": […], "overall": duels, "games": {name: duels}}`."""
        games = {game: duels.to_json() for game, duels in self.games.items()}
        return {"agents": list(self.agents), "overall": self.overall.to_json(), "games": games}


def head_to_head(results: Iterable[MatchResult], agents: Sequence[str] | None = None) -> HeadToHead:
    """The duels of the rated results, for `agents` in this order (default: all, alphabetically)."""
    rated = [result for result in results if result.rated]
    order = sorted({name for result in rated for name in result.players}) if agents is None else agents
    games: dict[str, Meetings] = {result.game: Meetings() for result in rated}
    for race in races(rated):
        games[race.game].add([race])
    return head_to_head_of(games, order)


def head_to_head_of(games: Mapping[str, Meetings], agents: Sequence[str]) -> HeadToHead:
    """The same of what was added up of each game."""
    found = {game: games[game].duels(agents) for game in sorted(games)}
    return HeadToHead(tuple(agents), _mean(list(found.values()), len(agents)), found)


class Meetings:
    """Who finished ahead of whom in one game, added up race by race."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, str], float] = defaultdict(float)  # halves add up exactly
        self._count: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, found: Iterable[Race]) -> None:
        """Count these races."""
        for race in found:
            for (one, score), (other, against) in permutations(zip(race.agents, race.scores, strict=True), 2):
                if one != other:
                    self._points[one, other] += 0.5 * ((score > against) + (score >= against))
                    self._count[one, other] += 1

    def duels(self, agents: Sequence[str]) -> Duels:
        """The duels of these agents, in this order."""
        points, count = self._points, self._count
        return Duels(
            tuple(
                tuple(points[i, j] / count[i, j] if (i, j) in count else None for j in agents) for i in agents
            ),
            tuple(tuple(count.get((i, j), 0) for j in agents) for i in agents),
        )


def _mean(games: Sequence[Duels], agents: int) -> Duels:
    def share(i: int, j: int) -> float | None:
        known = [found for duels in games if (found := duels.shares[i][j]) is not None]
        return math.fsum(known) / len(known) if known else None

    everyone = range(agents)
    return Duels(
        tuple(tuple(share(i, j) for j in everyone) for i in everyone),
        tuple(tuple(sum(duels.meetings[i][j] for duels in games) for j in everyone) for i in everyone),
    )
