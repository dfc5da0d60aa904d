"""The plain mean of an agent's ratings in the games, beside the rating that one fit of all games gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from arena_leaderboard.model.means import equal_mean
from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.standing import Standing


def with_game_means(
    overall: Sequence[Standing], games: Mapping[str, Sequence[Standing]]
) -> tuple[Standing, ...]:
    """The overall rows with the mean over the games in which each is rated; none where only one game is.

    Fits of different games share no match, so the distances to the ends combine side by side.
    """
    rated: dict[str, list[Rating]] = {}
    for rows in games.values():
        for row in rows:
            if row.rating is not None:
                rated.setdefault(row.agent, []).append(row.rating)
    if sum(any(row.rating for row in rows) for rows in games.values()) < 2:
        return tuple(overall)
    return tuple(replace(row, games_mean=_mean(rated.get(row.agent, []))) for row in overall)


def _mean(found: Sequence[Rating]) -> Rating | None:
    if not found:
        return None
    mean, ends = equal_mean([one.mean for one in found], [(one.low, one.high) for one in found])
    low, high = ends or (mean, mean)
    return Rating(mean, low, high, sum(one.matches for one in found))
