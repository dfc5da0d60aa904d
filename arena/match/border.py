"""Where agents' words come in: what is too long is cut, and no key goes any further.

After this, whatever is played, stored, shown or logged of a reply is bounded, and does not hold the key that
opens a server, however that was brought back: whole, in pieces that something joined, or by an agent that
reads the environment.
"""

from __future__ import annotations

from dataclasses import replace

from arena_agents import Reply, Usage
from arena_agents.api.secret import without_keys
from arena_agents.limits import LONGEST_ERROR, LONGEST_REASONING, LONGEST_REPLY, cut

FINISHES = frozenset({"stop", "length", "refusal", "empty", "other", "error"})


def taken_in(reply: Reply, secrets: tuple[str, ...]) -> Reply:
    """The reply as it is played and recorded: cut, without these keys. Taken in again, it stays as it is."""
    plain = reply.error is None and reply.reasoning is None and reply.usage is None
    if plain and not secrets and len(reply.text) <= LONGEST_REPLY:
        return reply
    return replace(
        reply,
        text=cut(without_keys(reply.text, secrets), LONGEST_REPLY),
        error=_bounded(reply.error, LONGEST_ERROR, secrets),
        reasoning=_bounded(reply.reasoning, LONGEST_REASONING, secrets),
        usage=_usage(reply.usage),
    )


def _bounded(text: str | None, limit: int, secrets: tuple[str, ...]) -> str | None:
    return None if text is None else cut(without_keys(text, secrets), limit)


def _usage(usage: Usage | None) -> Usage | None:
    """How a reply ended is one of a few words, whatever the agent calls it."""
    return usage if usage is None or usage.finish in FINISHES else replace(usage, finish="other")
