"""The seam: matches in, what was played out, in whatever order it ends.

An episode depends on its match alone, so it is the same whoever plays it, but for the seconds that the
agents took. Nobody but the tournament writes to its store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.record.encode import EpisodeRows, encode
from arena_agents import Agent
from arena_games.base import GameSpec

__all__ = ["Executor", "Played", "played"]


@dataclass(frozen=True, slots=True)
class Played:
    """What a match came to, without its steps, and all of it as the rows that are stored."""

    episode: Episode
    rows: EpisodeRows

    @property
    def passing(self) -> bool:
        """Whether a failure outside its agent ended it, so that the match remains to be played."""
        return self.episode.failure is not None and self.episode.failure.passing


class Executor(Protocol):
    """Plays matches of a tournament."""

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played]:
        """Play the matches, `count` in all, and yield each as it ends; those of one game come together.

        The matches are drawn as there is room for them. Whoever stops listening stops the playing.
        Raises UsageError for an agent that cannot be made.
        """

    def close(self) -> None:
        """Let go of whatever plays."""


def played(
    spec: GameSpec, matches: Iterable[Match], agents: Mapping[str, Agent], config: MatchConfig
) -> Iterator[Played]:
    """Play matches of one game in this process."""
    for episode in play(matches, agents, config):
        yield Played(replace(episode, steps=(), abandoned=()), encode(episode, spec.open_seats))
