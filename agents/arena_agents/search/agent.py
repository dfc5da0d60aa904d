"""Hands each observation to the search that knows its rules."""

from __future__ import annotations

from arena_agents.base import Agent
from arena_agents.search import frozen_lake, snake
from arena_games.base import GameSpec, Observation, action_reply
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.snake.rules import SnakeConfig


def action_values(observation: Observation) -> list[float]:
    """The worth of each action by search, (A,): higher is better, only comparable to each other.

    Raises LookupError for a game whose rules no search of ours knows.
    """
    config = observation.known_spec().config
    if isinstance(config, FrozenLakeConfig):
        return frozen_lake.action_values(config, observation)
    if isinstance(config, SnakeConfig):
        return snake.action_values(config, observation)
    raise LookupError(f"search does not know the rules of {observation.game!r}")


def best_actions(observation: Observation) -> list[int]:
    """All actions that tie for the best value."""
    values = action_values(observation)
    best = max(values[action] for action in observation.legal)
    return [action for action in observation.legal if values[action] >= best - 1e-9]


class SearchAgent(Agent):
    """Plays a best action by search, drawing lots between equals."""

    name = "search"

    def cannot_play(self, spec: GameSpec) -> str | None:
        """It knows the rules of our own games only."""
        known = isinstance(spec.config, FrozenLakeConfig | SnakeConfig)
        return None if known else f"search does not know the rules of {spec.name}"

    def choose(self, observation: Observation) -> str:
        best = best_actions(observation)
        action = best[observation.rng().integers(len(best))] if len(best) > 1 else best[0]
        return action_reply(observation.name_of(action))
