"""The agents of a tournament, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Iterable

from arena.match.seating import house_agents
from arena.tournament.entrants import SPECIALIST
from arena.tournament.plan import Tournament
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.engines.base import EngineName
from arena_agents.registry import make_agent, with_settings
from arena_agents.spec import split_spec
from arena_games.base import GameSpec


class Agents:
    """Makes each agent when it is first needed; one instance may serve several games."""

    def __init__(self, tournament: Tournament, engine: EngineName = "transformers") -> None:
        self._tournament, self._engine = tournament, engine
        self._made: dict[str, Agent] = {}

    def check(self) -> None:
        """Make all that need no training, so that a wrong name is found at once. Raises UsageError."""
        for entrant in self._tournament.entrants:
            source = entrant.base or entrant.spec
            if source != SPECIALIST:
                self.make(source)

    def unable(self) -> dict[tuple[str, str], str]:
        """Who says that they cannot play what, and why, as (agent, game): of those that need no training."""
        plain = [entrant for entrant in self._tournament.entrants if entrant.base is None]
        told = {
            (entrant.label, spec.name): obstacle(self.make(entrant.spec), spec)
            for entrant in plain
            for spec in self._tournament.games
        }
        return {who: problem for who, problem in told.items() if problem is not None}

    def of_game(self, spec: GameSpec, players: Iterable[str]) -> dict[str, Agent]:
        """The players of a game by name, the house's included. Raises UsageError if one cannot be made."""
        wanted = set(players)
        made = {
            entrant.label: self.make(entrant.playable(spec, self._tournament.out))
            for entrant in self._tournament.entrants
            if entrant.label in wanted
        }
        return made | house_agents([spec])

    def make(self, playable: str) -> Agent:
        """The agent of this spec, made once. Raises UsageError if it cannot be made."""
        bare, _ = split_spec(playable)  # agents that differ only in how they draw share their model
        if bare not in self._made:
            self._made[bare] = make_agent(bare, engine=self._engine)
        return with_settings(self._made[bare], playable)
