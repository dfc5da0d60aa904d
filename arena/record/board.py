"""The leaderboard of a stored tournament."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.match.seeds import Split, episode_seed
from arena.record.store import Store
from arena_games.base import UsageError
from arena_games.families import family
from arena_leaderboard import Leaderboard, MatchResult, Weights, anchored, standings
from arena_leaderboard.model.looks import level
from arena_leaderboard.standings import standings_by_seed
from arena_leaderboard.sums import together

__all__ = ["board_after", "board_at", "board_of", "leaderboard", "looks_at"]

BOOTSTRAPS = 400  # of a board that belongs to a verdict: the same as the verdict's


def leaderboard(run: Path | str, *, anchor: str | None = None, weights: Weights = "game") -> Leaderboard:
    """How the agents of the tournament in `run` rank by what is stored so far; it may still be running.

    The `anchor` is an agent that is rated 1000 in every game, so that tournaments that have it compare.
    `weights` says what games weigh in the overall rating: all the same, or as families, all of Snake being
    one, or as their matches. Raises UsageError if the folder holds no tournament, its file cannot be read, or
    the anchor is not rated.
    """
    with Store.read(Path(run)) as store:
        return board_of(store, anchor, weights)


def board_of(store: Store, anchor: str | None = None, weights: Weights = "game") -> Leaderboard:
    """The board of a stored run; of one that was played on until ranks separated, at its look's level."""
    board = board_at(store, _looks(store, store.meta("config").get("seed")), weights)
    try:
        return board if anchor is None else anchored(board, anchor)
    except ValueError as error:
        rated = ", ".join(row.agent for row in board.overall if row.rating)
        raise UsageError(f"{error}; rated are {rated or 'none'}") from error


def board_at(store: Store, looks: int, weights: Weights = "game") -> Leaderboard:
    """The board of a stored run after so many looks at it; results are added up as they are read."""
    results = together(store.each_result())
    if looks <= 1:
        return standings_by_seed(results, weights=weights, family=family)
    return standings_by_seed(
        results, bootstraps=BOOTSTRAPS, level=level(looks), weights=weights, family=family
    )


def _looks(store: Store, seed: Any) -> int:
    """As `looks_at`, of a stored run."""
    looks = 1
    while isinstance(seed, int) and store.holds_seed(episode_seed(Split.TEST, seed, looks, 0)):
        looks += 1
    return looks


def board_after(results: list[MatchResult], looks: int) -> Leaderboard:
    """The board whose `≈` say what the verdict after so many looks says."""
    return standings(results, bootstraps=BOOTSTRAPS, level=level(looks))


def looks_at(results: list[MatchResult], seed: Any) -> int:
    """How often a tournament of this seed was looked at: once, and after each round that was played on.

    A round's first seed tells that it was played.
    """
    played, looks = {result.seed for result in results}, 1
    while isinstance(seed, int) and episode_seed(Split.TEST, seed, looks, 0) in played:
        looks += 1
    return looks
