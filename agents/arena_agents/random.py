"""The `random` agent: any move that is not pointless, with equal chances."""

from __future__ import annotations

from arena_agents.base import Agent
from arena_games.base import Observation, action_reply
from arena_games.registry import find_game


class RandomAgent(Agent):
    """Plays uniformly among the moves that the game calls prudent (all legal ones by default).

    On Snake that leaves out walls and the player's own body: this is also the house's snake.
    """

    name = "random"

    def choose(self, observation: Observation) -> str:
        spec = find_game(observation.game)
        moves = spec.prudent(observation)
        return action_reply(spec.action_names[moves[observation.rng().integers(len(moves))]])
