"""Matches as they come in from elsewhere, for a loop that must not wait while it has some to play."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arena.match.match import Match
from arena_games.base import GameSpec

Wire = tuple[str, list[tuple[int, tuple[str, ...], int, bool]]]  # the game, then Match's other fields


def to_wire(chunk: list[Match]) -> Wire:
    """A chunk as it is sent: a game's spec holds code, so its name stands for it."""
    return chunk[0].spec.name, [(m.seed, m.players, m.repeat, m.last_try) for m in chunk]


def of_wire(wire: Wire, games: Mapping[str, GameSpec]) -> Iterator[Match]:
    """The matches of a chunk that was sent; `games` by name."""
    name, matches = wire
    return (Match(games[name], *fields) for fields in matches)


class Feed:
    """Matches from `receive(wait)`: a chunk, None if none is there, and EOFError after the last."""

    def __init__(self, games: Mapping[str, GameSpec], receive: Callable[[bool], Any]) -> None:
        self._games, self._receive = games, receive
        self._queue: deque[Match] = deque()
        self._ended = False

    def game(self) -> GameSpec | None:
        """The game of the next match, which is waited for; None when no more come."""
        while not self._queue and not self._ended:
            self._take(wait=True)
        return self._queue[0].spec if self._queue else None

    def of_game(self, spec: GameSpec) -> Iterator[Match]:
        """The matches of this game that are there. It may end, and have more when it is asked again."""
        return _OfGame(self, spec)

    def take(self, spec: GameSpec) -> Match | None:
        """The next match if it is there and of this game."""
        if not self._queue and not self._ended:
            self._take(wait=False)
        return self._queue.popleft() if self._queue and self._queue[0].spec is spec else None

    def _take(self, *, wait: bool) -> None:
        try:
            wire: Wire | None = self._receive(wait)
        except EOFError:
            self._ended = True
            return
        if wire is not None:
            self._queue.extend(of_wire(wire, self._games))


class _OfGame(Iterator[Match]):
    """`play` asks it again and again for what there is room for."""

    def __init__(self, feed: Feed, spec: GameSpec) -> None:
        self._feed, self._spec = feed, spec

    def __next__(self) -> Match:
        match = self._feed.take(self._spec)
        if match is None:
            raise StopIteration
        return match
