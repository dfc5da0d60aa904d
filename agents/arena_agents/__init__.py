"""Players: random, search, DQN, language models, and whatever a user plugs in."""

from arena_agents.base import Agent, Observation, Reply, TokenSample, Usage

__all__ = ["Agent", "Observation", "Reply", "TokenSample", "Usage"]
