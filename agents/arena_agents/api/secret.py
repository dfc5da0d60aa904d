"""Keys struck out of text: a server may send back what it was sent, whole, in pieces, or dressed up."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from arena_agents.address import KEY, OPENAI_KEY

STRUCK = "[key]"
SHORTEST_SECRET = 8  # characters; shorter keys are placeholders, which any text may hold
SHORTEST_HALF = 12  # halves that are shorter may be words
_BETWEEN = r"[\s\u00ad\u200b-\u200f\u2060\ufeff]*"  # blanks, and what is not seen


def keys(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The keys that this process may have sent somewhere."""
    found = (environment.get(name, "").strip() for name in (KEY, OPENAI_KEY))
    return tuple(key for key in found if len(key) >= SHORTEST_SECRET)


def without_keys(text: str, secrets: tuple[str, ...]) -> str:
    """The text without each key, and each half of a long one, however it is spaced and capitalised."""
    for pattern in map(_pattern, secrets):
        text = pattern.sub(STRUCK, text)
    return text


def without_keys_inside(value: Any, secrets: tuple[str, ...]) -> Any:
    """The same JSON value with the keys struck out of every text in it."""
    if not secrets:
        return value
    if isinstance(value, str):
        return without_keys(value, secrets)
    if isinstance(value, list):
        return [without_keys_inside(item, secrets) for item in value]
    if isinstance(value, dict):
        return {
            without_keys(name, secrets): without_keys_inside(item, secrets) for name, item in value.items()
        }
    return value


@lru_cache(maxsize=16)
def _pattern(key: str) -> re.Pattern[str]:
    middle = len(key) // 2
    halves = [half for half in (key[:middle], key[middle:]) if len(half) >= SHORTEST_HALF]
    return re.compile("|".join(_BETWEEN.join(map(re.escape, part)) for part in (key, *halves)), re.IGNORECASE)
