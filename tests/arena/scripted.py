"""Ten scripted agents of many strengths, for tournaments that are large rather than clever."""

from __future__ import annotations

from arena_agents import Agent, Observation
from arena_agents.random import RandomAgent
from arena_agents.search import SearchAgent
from arena_games.base import action_reply


class Mixed(Agent):
    """Plays as `search` does with probability `skill`, else as `random`; babbles now and then."""

    skill = 0.5
    babble = 0.0

    def __init__(self) -> None:
        self._search, self._random = SearchAgent(), RandomAgent()

    def choose(self, observation: Observation) -> str:
        luck = observation.rng().random(2)
        if luck[0] < self.babble:
            return f"I would rather not say, said \x1b[31m{type(self).__name__}\x1b[0m."
        chosen = self._search if luck[1] < self.skill else self._random
        return chosen.act([observation])[0].text


class Tenth(Mixed):
    skill = 0.1


class Quarter(Mixed):
    skill = 0.25


class Half(Mixed):
    skill = 0.5


class Most(Mixed):
    skill = 0.8


class Babbler(Mixed):
    skill, babble = 0.8, 0.3


class Circle(Agent):
    """Turns through the actions, turn by turn."""

    def choose(self, observation: Observation) -> str:
        names = observation.legal_names
        return action_reply(names[observation.turn % len(names)])


class Straight(Agent):
    """Always plays the last legal action."""

    def choose(self, observation: Observation) -> str:
        return action_reply(observation.legal_names[-1])


class Twin(RandomAgent):
    """Plays as `random` does, but draws other numbers."""

    def choose(self, observation: Observation) -> str:
        moves = observation.known_spec().prudent(observation)
        return action_reply(observation.action_names[moves[observation.seed % len(moves)]])
