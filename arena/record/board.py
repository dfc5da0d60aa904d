"""The leaderboard of a stored tournament, and what belongs to it, from sums: no results are held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.match.seeds import Split, episode_seed
from arena.record.paired import with_skins
from arena.record.store import Store
from arena_games.base import UsageError
from arena_games.families import family
from arena_leaderboard import HeadToHead, Leaderboard, MatchResult, Weights, anchored, standings
from arena_leaderboard.head_to_head import head_to_head_of
from arena_leaderboard.model.looks import level
from arena_leaderboard.standings import standings_of
from arena_leaderboard.sums import GameSums, added_up, together

__all__ = ["Summed", "anchored_at", "board_after", "board_of", "leaderboard", "looks_at", "looks_of"]

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
    return anchored_at(Summed.of_store(store).board(looks_of(store), weights), anchor)


def anchored_at(board: Leaderboard, anchor: str | None) -> Leaderboard:
    """The board on which the anchor, if there is one, is rated 1000. Raises UsageError if it is not rated."""
    try:
        return board if anchor is None else anchored(board, anchor)
    except ValueError as error:
        rated = ", ".join(row.agent for row in board.overall if row.rating)
        raise UsageError(f"{error}; rated are {rated or 'none'}") from error


@dataclass(frozen=True, slots=True)
class Summed:
    """A run's results, added up by game; of games in skins, and of these without, the results themselves."""

    games: Mapping[str, GameSums]
    of_skins: Sequence[MatchResult] = ()

    @classmethod
    def of_store(cls, store: Store) -> Summed:
        """Read once, page by page."""
        kept, held = with_skins(store.games()), []

        def seen() -> Iterator[MatchResult]:
            for result in store.each_result():
                if result.game in kept:
                    held.append(result)
                yield result

        return cls(added_up(together(seen())), held)

    def board(self, looks: int = 1, weights: Weights = "game") -> Leaderboard:
        """The leaderboard after so many looks at the run."""
        if looks <= 1:
            return standings_of(self.games, weights=weights, family=family)
        return standings_of(
            self.games, bootstraps=BOOTSTRAPS, level=level(looks), weights=weights, family=family
        )

    def duels(self, agents: Sequence[str]) -> HeadToHead:
        """Who of these finished ahead of whom."""
        return head_to_head_of(
            {game: of.meetings for game, of in self.games.items() if of.rated.results}, agents
        )


def looks_of(store: Store) -> int:
    """As `looks_at`, of a stored run."""
    seed, looks = store.meta("config").get("seed"), 1
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
