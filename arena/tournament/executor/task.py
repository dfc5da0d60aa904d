"""What another process must know to play any match of a tournament: names, not objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from arena.match.match import MatchConfig
from arena.match.resimulate import reading_exactly
from arena.tournament.entrants import Entrant
from arena.tournament.plan import Tournament
from arena_agents.engines.base import EngineName
from arena_agents.sandbox import Sandbox
from arena_games.registry import find_game, remembering


@dataclass(frozen=True, slots=True)
class Task:
    """A tournament by its names, and how its matches are played; `exactly` as in `Store.reads_exactly`."""

    games: tuple[str, ...]
    entrants: tuple[Entrant, ...]
    out: Path
    memory: int | None
    exactly: bool
    config: MatchConfig
    engine: EngineName
    sandbox: Sandbox

    @classmethod
    def of(
        cls, tournament: Tournament, config: MatchConfig, engine: EngineName, sandbox: Sandbox, exactly: bool
    ) -> Task:
        """The task of playing this tournament's matches, with absolute paths."""
        games = tuple(spec.name for spec in tournament.games)
        out = tournament.out.absolute()
        return cls(games, tournament.entrants, out, tournament.memory, exactly, config, engine, sandbox)

    def tournament(self) -> Tournament:
        """The tournament, its games found anew. Raises UsageError where one is not found."""
        games = tuple(remembering(find_game(name), self.memory) for name in self.games)
        if self.exactly:
            games = tuple(map(reading_exactly, games))
        return Tournament(games, self.entrants, 0, 0, self.out, self.config.rethink, self.memory)
