"""The `random` agent: any move that is not pointless, with equal chances."""

from __future__ import annotations

from arena_agents.base import Agent
from arena_games.base import Observation, action_reply


class RandomAgent(Agent):
    """Plays uniformly among the moves that the game calls prudent (all legal ones by default).

    On Snake that leaves out walls and the player's own body: this is also the house's snake.
    """

    name = "random"

    def choose(self, observation: Observation) -> str:
        moves = observation.known_spec().prudent(observation)
        return action_reply(observation.action_names[moves[observation.rng().integers(len(moves))]])
