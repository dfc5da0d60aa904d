"""What the environment says about requests. It decides how a server is asked, never which or with what key.

ARENA_API_CONCURRENCY   requests at one time
ARENA_API_DEADLINE      seconds for one reply, retries included
ARENA_API_MAX_TOKENS    longest reply; models that reason need more than others
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from arena_agents.base import Sampling
from arena_games.base import UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults are a person's share of a hosted API."""

    concurrency: int = 8
    deadline_s: float = 120.0
    max_tokens: int = Sampling().max_new_tokens

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **defaults: int) -> Settings:
        """The environment's, else `defaults`, else ours. Raises UsageError for what is no number above 0."""
        base = cls(**defaults)
        return cls(
            int(_number(environment, "ARENA_API_CONCURRENCY", base.concurrency, whole=True)),
            _number(environment, "ARENA_API_DEADLINE", base.deadline_s),
            int(_number(environment, "ARENA_API_MAX_TOKENS", base.max_tokens, whole=True)),
        )


def _number(environment: Mapping[str, str], name: str, default: float, *, whole: bool = False) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1e9 or (whole and number != int(number)):
        raise UsageError(f"{name} must be a {'whole ' if whole else ''}number above 0, not {text!r}")
    return number
