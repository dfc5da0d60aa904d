"""All matches in this process, one game after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arena.match.match import Match, MatchConfig
from arena.tournament.agents import Agents
from arena.tournament.executor.base import Played, played


class InProcess:
    """An `Executor` that plays here. `agents` are made when they are first asked."""

    def __init__(self, agents: Agents, config: MatchConfig) -> None:
        self._agents, self._config = agents, config

    def play(self, matches: Iterable[Match], count: int) -> Iterator[Played]:
        queue = iter(matches)
        first = next(queue, None)
        while first is not None:
            of_game = _OfGame(first, queue)
            yield from played(first.spec, of_game, self._agents.of_game(first.spec), self._config)
            first = of_game.next_game

    def close(self) -> None:
        """There is nothing to let go of."""


class _OfGame(Iterator[Match]):
    """The matches up to the next game's first, which is kept."""

    def __init__(self, first: Match, rest: Iterator[Match]) -> None:
        self._ahead: Match | None = first
        self._spec, self._rest = first.spec, rest

    def __next__(self) -> Match:
        if self._ahead is None or self._ahead.spec is not self._spec:
            raise StopIteration
        match, self._ahead = self._ahead, next(self._rest, None)
        return match

    @property
    def next_game(self) -> Match | None:
        """The first match of the next game, once this one's have been drawn."""
        return self._ahead
