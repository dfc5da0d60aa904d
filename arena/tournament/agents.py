"""The agents of a tournament, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Iterable

from arena.match.seating import house_agents
from arena.tournament.entrants import SPECIALIST
from arena.tournament.plan import Tournament
from arena_agents import Agent
from arena_agents.engines.base import EngineName
from arena_agents.registry import make_agent, with_settings
from arena_agents.sandbox import Sandbox, Sandboxed
from arena_agents.spec import split_spec
from arena_games.base import GameSpec


class Agents:
    """Makes each agent when it is first needed; one instance may serve several games."""

    def __init__(
        self, tournament: Tournament, engine: EngineName = "transformers", sandbox: Sandbox | None = None
    ) -> None:
        self._tournament, self._engine, self._sandbox = tournament, engine, sandbox
        self._made: dict[str, Agent] = {}

    def check(self) -> None:
        """Make all that need no training, so that a wrong name is found at once. Raises UsageError."""
        for entrant in self._tournament.entrants:
            source = entrant.base or entrant.spec
            if source != SPECIALIST:
                self.make(source)

    def anew(self, engine: EngineName) -> Agents:
        """The same agents, to be made with that engine; those that have a process of their own are kept."""
        agents = Agents(self._tournament, engine, self._sandbox)
        agents._made = {spec: agent for spec, agent in self._made.items() if isinstance(agent, Sandboxed)}
        return agents

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
            self._made[bare] = make_agent(bare, engine=self._engine, sandbox=self._sandbox)
        if playable not in self._made:  # a twin has the same engine, or a process of its own
            self._made[playable] = with_settings(self._made[bare], playable)
        return self._made[playable]
