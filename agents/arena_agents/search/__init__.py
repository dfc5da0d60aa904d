"""The `search` agent: a strong player that learns nothing, so that scores have a ceiling."""

from arena_agents.search.agent import SearchAgent

__all__ = ["SearchAgent"]
