"""`SPEC@URL`: which model, on which server, and the key that opens it.

A key comes from the environment and nowhere else: an address that holds one is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from arena_games.base import UsageError

KEY = "ARENA_API_KEY"
OPENAI_KEY = "OPENAI_API_KEY"
_NEXT = re.compile(r",(?=https?://)", re.IGNORECASE)  # between the URLs of several servers
_ADDRESS = re.compile(r"(?P<spec>.+)@(?P<url>https?://.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A model by the name that the user gave it, and its server's base URL (most end in `/v1`)."""

    spec: str
    url: str

    @property
    def openai(self) -> bool:
        """Whether a person's OpenAI key may go there: OpenAI's own hosts, encrypted."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return parts.scheme == "https" and (host == "api.openai.com" or host.endswith(".api.openai.com"))

    @property
    def key_names(self) -> str:
        """The environment variables that may hold the key, for messages."""
        return f"{KEY} or {OPENAI_KEY}" if self.openai else KEY

    def key(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """The key in the environment. Raises UsageError, without showing it, for one that cannot be sent."""
        for name in (KEY, OPENAI_KEY) if self.openai else (KEY,):
            value = environment.get(name, "").strip()
            if value:
                if not (value.isascii() and value.isprintable()):
                    raise UsageError(f"{name} holds characters that no key has; set it again")
                return value
        return None


def is_address(spec: str) -> bool:
    """Whether `spec` has the form `SPEC@URL`."""
    return _ADDRESS.fullmatch(spec) is not None


def without_address(spec: str) -> str:
    """The model that `SPEC@URL` names; a spec without an address as it is. Raises as `parse_addresses`."""
    return parse_addresses(spec)[0].spec if is_address(spec) else spec


def parse_addresses(spec: str) -> tuple[Address, ...]:
    """Each server of `SPEC@URL,URL,…`. Raises UsageError as `parse_address`, and for a server named twice."""
    first, *others = _NEXT.split(spec)
    one = parse_address(first)
    every = (one, *(parse_address(f"{one.spec}@{url}") for url in others))
    if len({address.url for address in every}) < len(every):
        raise UsageError(f"{one.spec!r} names a server twice; name each once")
    return every


def parse_address(spec: str) -> Address:
    """The parts of `SPEC@URL`. Raises UsageError for a URL that cannot be used or that holds a secret.

    The message never shows what may be a secret.
    """
    found = _ADDRESS.fullmatch(spec)
    if found is None:
        raise UsageError(f"{spec!r} names no server; write MODEL@http://HOST:PORT/v1")
    try:
        parts = urlsplit(found["url"])
        host, _ = parts.hostname, parts.port  # both are checked as they are read
    except ValueError:
        raise UsageError(f"the server's URL of {found['spec']!r} cannot be read; check it") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            f"the server's URL of {found['spec']!r} may not hold a user, a password, ? or #; "
            f"put the key in {KEY}"
        )
    if _NEXT.search(found["url"]):
        raise UsageError(
            f"{found['spec']!r} names several servers; a player has one, only a training several"
        )
    if not host or re.search(r"\s", found["url"]):
        raise UsageError(f"the server's URL of {found['spec']!r} cannot be read; check it")
    return Address(found["spec"], found["url"].rstrip("/"))
