"""The replies that choice decoding draws from: those that name a legal action, as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena_games.base import Observation, UsageError, action_reply

MOST_CHOICES = 64  # replies that are read behind one prompt
MOST_KNOWN = 50_000  # replies whose tokens are kept


def legal_replies(observation: Observation) -> list[str]:
    """The shortest valid reply for each legal action, in order.

    Raises UsageError if there are more than `MOST_CHOICES`, or the game does not list them.
    """
    if not observation.legal:
        raise UsageError(
            f"{observation.game} takes free text, from which nothing is chosen; use --decode free"
        )
    if len(observation.legal) > MOST_CHOICES:
        raise UsageError(
            f"{observation.game} allows {len(observation.legal)} replies and choice decoding reads "
            f"{MOST_CHOICES} at most; use --decode free"
        )
    return [action_reply(name) for name in observation.legal_names]


class ReplyTokens:
    """Replies in a tokenizer's own tokens, each encoded once, as long as they are not too many."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}

    def of(self, replies: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each. Raises UsageError for two replies that the tokenizer writes alike."""
        found = [self.encoded(reply) for reply in replies]
        if len(set(found)) < len(found):
            raise UsageError("the model's tokenizer writes two actions alike; use --decode free")
        return found

    def encoded(self, reply: str) -> tuple[int, ...]:
        """The tokens of one reply."""
        if reply not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[reply] = tuple(self._tokenizer.encode(reply, add_special_tokens=False))
        return self._known[reply]
