"""Games for language models: pure rules under PettingZoo AEC environments."""

from arena_games.base import GameSpec, Invalid, Observation, UsageError
from arena_games.parsing import parse_action_tag

__all__ = ["GameSpec", "Invalid", "Observation", "UsageError", "parse_action_tag"]
