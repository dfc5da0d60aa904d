"""A part of a tournament that is played by itself, on whatever machine (`--shard K/N`).

Of each game's matches, in the order of the schedule, shard K of N plays one stretch, as long as any other
to within a match. Line-ups are next to each other there, so all but few are played whole by one shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.match.match import Match
from arena_games.base import UsageError

MOST_SHARDS = 100_000
SHARDS = "shards"  # the folder beside a run's file in which its shards lie


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `number`, from 1, of so many."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From `K/N`. Raises UsageError for what is none."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip(), re.ASCII)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST_SHARDS:
            raise UsageError(f"--shard is K/N, the K-th of N parts, such as 3/16; not {text!r}")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def folder(self, out: Path) -> Path:
        """Where it is played."""
        return out / SHARDS / f"{self.number}-of-{self.of}"

    def part(self, count: int) -> range:
        """Which of so many matches are its own."""
        return range(count * (self.number - 1) // self.of, count * self.number // self.of)

    def of_schedule(self, matches: Iterable[Match], counts: Mapping[str, int]) -> Iterator[Match]:
        """Its part of a schedule that has so many matches of each game."""
        parts, seen = {game: self.part(count) for game, count in counts.items()}, dict.fromkeys(counts, 0)
        for match in matches:
            game = match.spec.name
            if seen[game] in parts[game]:
                yield match
            seen[game] += 1
