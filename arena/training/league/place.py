"""What a training is told of the league around it, and the record that the league's matches go into."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from arena.match.episode import Episode
from arena_agents.base import obstacle
from arena_agents.registry import make_agent
from arena_games.base import GameSpec
from arena_leaderboard import MatchResult


class Record(Protocol):
    """A run's stored episodes, as `arena.record.store.Store` keeps them."""

    def add(self, episodes: Iterable[Episode], rated_seats: tuple[int, ...]) -> None:
        """Store episodes in one transaction."""

    def episode_ids(self) -> set[str]:
        """The ids of all stored episodes."""

    def results(self) -> list[MatchResult]:
        """What the leaderboard sees of them."""

    def forget(self, players: Collection[str]) -> None:
        """Remove the episodes in which any of these played."""

    def close(self) -> None:
        """Let go of the file."""


BASE = "base"  # an anchor: the policy as training began

# Creates or continues the record in a folder: with what is played there, and with which versions.
OpenRecord = Callable[[Path, Mapping[str, Any], Mapping[str, Any]], Record]


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place in its league: the folder of the record, and the versions of the other members.

    `member` is what its own versions are named after. `others` are folders by name, each member's in the
    order of their entry; `newest` the last one of each. `seed` is the league's.
    """

    record: Path
    member: str = "step"
    others: Mapping[str, Path] = field(default_factory=dict)
    newest: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a training: how a league's record is opened, its place there, and where it pauses.

    A training that pauses after update `until` leaves a checkpoint, and can be gone on with.
    """

    open_record: OpenRecord | None = None
    place: Place | None = None
    until: int | None = None


NOTHING_AROUND = Around()


def default_anchors(spec: GameSpec) -> tuple[str, ...]:
    """The policy as it began, chance, and the search where it can play the game."""
    return (BASE, "random", *([] if obstacle(make_agent("search"), spec) else ["search"]))
