"""The agents of a tournament, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arena.match.seating import house_agents
from arena.tournament.entrants import SPECIALIST
from arena.tournament.plan import Tournament
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.engines.base import EngineName
from arena_agents.registry import check_agent, is_foreign, make_agent, with_settings
from arena_agents.sandbox import Sandbox
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
        """Find a wrong name at once among all that need no training. Raises UsageError.

        No model's weights are read: those that are to be trained first want the memory.
        """
        for entrant in self._tournament.entrants:
            source = entrant.base or entrant.spec
            if is_foreign(source):
                self.make(source)  # nobody else can tell whether it can be made
            elif source != SPECIALIST:
                check_agent(source)

    def unable(self) -> dict[tuple[str, str], str]:
        """Who says that they cannot play what, and why, as (agent, game): of those that need no training."""
        plain = [entrant for entrant in self._tournament.entrants if entrant.base is None]
        told = {
            (entrant.label, spec.name): obstacle(self.make(entrant.spec), spec)
            for entrant in plain
            for spec in self._tournament.games
        }
        return {who: problem for who, problem in told.items() if problem is not None}

    def of_game(self, spec: GameSpec) -> Mapping[str, Agent]:
        """The players of a game by name, the house's included; each is made when it is first asked for.

        Looking one up raises UsageError if it cannot be made.
        """
        return _OfGame(self, self._tournament, spec)

    def release(self) -> None:
        """Forget those that were made: others are going to play."""
        self._made.clear()

    def make(self, playable: str) -> Agent:
        """The agent of this spec, made once. Raises UsageError if it cannot be made."""
        bare, _ = split_spec(playable)  # agents that differ only in how they draw share their model
        if bare not in self._made:
            self._made[bare] = make_agent(bare, engine=self._engine, sandbox=self._sandbox)
        if playable not in self._made:  # a twin has the same engine, or a process of its own
            self._made[playable] = with_settings(self._made[bare], playable)
        return self._made[playable]


class _OfGame(Mapping[str, Agent]):
    """The players of a game, made by the others' `make`."""

    def __init__(self, agents: Agents, tournament: Tournament, spec: GameSpec) -> None:
        self._agents = agents
        self._playable = {
            entrant.label: entrant.playable(spec, tournament.out) for entrant in tournament.entrants
        }
        self._house = house_agents([spec])

    def __getitem__(self, player: str) -> Agent:
        if player in self._house:
            return self._house[player]
        return self._agents.make(self._playable[player])

    def __iter__(self) -> Iterator[str]:
        return iter([*self._playable, *self._house])

    def __len__(self) -> int:
        return len(self._playable) + len(self._house)
