"""Players: random, search, DQN, language models, and whatever a user plugs in."""

from arena_agents.base import Agent, Reply, TokenSample, Usage
from arena_games.base import Observation

__all__ = ["Agent", "Observation", "Reply", "TokenSample", "Usage"]
