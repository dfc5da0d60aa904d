"""A league's stored matches, read: ratings by version, the pay-off matrix, cycles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.match.versions import version_of
from arena.record.store import Store
from arena_leaderboard import (
    Circles,
    HeadToHead,
    Leaderboard,
    Rating,
    circles,
    head_to_head,
    standings,
)


@dataclass(frozen=True, slots=True)
class LeagueTable:
    """A league as its matches say. `duels` are of the anchors, by name, then of the versions as they came.

    `curves` holds each member's ratings by update; all are of one fit, so they can be compared.
    """

    board: Leaderboard
    duels: HeadToHead
    curves: dict[str, tuple[tuple[int, Rating], ...]]
    circles: Circles

    @classmethod
    def read(cls, folder: Path) -> LeagueTable:
        """That of a run's folder, a training's with a league or a tournament's. Raises UsageError if none."""
        with Store.read(folder) as store:
            results = store.results()
        board = standings(results)
        ratings = {row.agent: row.rating for row in board.overall if row.rating}
        duels = head_to_head(results, sorted(ratings, key=_place))
        return cls(board, duels, _curves(ratings), circles(duels, board.fits.get(None)))

    def to_json(self) -> dict[str, Any]:
        """`{"agents": […], "shares": [[…]…], "meetings": [[…]…], "cycles": …, "nash": …, "ratings": {…}}`."""
        ratings = {row.agent: row.rating for row in self.board.overall if row.rating}
        return {
            "agents": list(self.duels.agents),
            **self.duels.overall.to_json(),
            **self.circles.to_json(),
            "ratings": {
                agent: {"rating": ratings[agent].mean, "ci95": list(ratings[agent].ends)}
                for agent in self.duels.agents
            },
        }


def _place(name: str) -> tuple[bool, int, str]:
    found = version_of(name)
    return (True, found[1], found[0]) if found else (False, 0, name)


def _curves(ratings: dict[str, Rating]) -> dict[str, tuple[tuple[int, Rating], ...]]:
    found = [(version, rating) for name, rating in ratings.items() if (version := version_of(name))]
    points = sorted(((*version, rating) for version, rating in found), key=lambda point: point[:2])
    curves: dict[str, tuple[tuple[int, Rating], ...]] = {}
    for member, step, rating in points:
        curves[member] = (*curves.get(member, ()), (step, rating))
    return curves
