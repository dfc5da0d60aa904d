"""The replies that choice decoding draws from: those that name a legal action, as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena_games.base import Observation, UsageError, action_reply

MOST_CHOICES = 64  # replies that are read behind one prompt


def legal_replies(observation: Observation) -> list[str]:
    """The shortest valid reply for each legal action, in order.

    Raises UsageError if there are more than `MOST_CHOICES`.
    """
    if len(observation.legal) > MOST_CHOICES:
        raise UsageError(
            f"{observation.game} allows {len(observation.legal)} replies and choice decoding reads "
            f"{MOST_CHOICES} at most; use --decode free"
        )
    return [action_reply(observation.action_names[action]) for action in observation.legal]


class ReplyTokens:
    """Replies in a tokenizer's own tokens, each encoded once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}

    def of(self, replies: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each. Raises UsageError for two replies that the tokenizer writes alike."""
        for reply in replies:
            if reply not in self._known:
                self._known[reply] = tuple(self._tokenizer.encode(reply, add_special_tokens=False))
        found = [self._known[reply] for reply in replies]
        if len(set(found)) < len(found):
            raise UsageError("the model's tokenizer writes two actions alike; use --decode free")
        return found
