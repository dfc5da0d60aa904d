"""Settings behind an agent's spec, in brackets: `nano[decode=choice]`."""

from __future__ import annotations

import re
from typing import get_args, overload

from arena_agents.base import Decode
from arena_games.base import UsageError

_BRACKETS = re.compile(r"(?P<spec>.+)\[(?P<settings>\w+=[^\[\]]*)\]", re.DOTALL)


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """The spec itself, and its settings by name: none without brackets that hold `name=value`.

    Raises UsageError for a setting that is not known or has no such value.
    """
    found = _BRACKETS.fullmatch(text)
    if found is None:
        return text, {}
    settings: dict[str, str] = {}
    for pair in found["settings"].split(","):
        name, _, value = (part.strip() for part in pair.partition("="))
        if name != "decode":
            raise UsageError(f"{text!r} has the unknown setting {name!r}; known: decode=free, decode=choice")
        settings[name] = parse_decode(value)
    return found["spec"], settings


def decode_of(text: str) -> Decode | None:
    """How a spec says that its replies are drawn; None where it does not. Raises UsageError likewise."""
    return split_spec(text)[1].get("decode")  # type: ignore[return-value]


@overload
def parse_decode(text: str) -> Decode: ...


@overload
def parse_decode(text: str | None) -> Decode | None: ...


def parse_decode(text: str | None) -> Decode | None:
    """What `--decode` says, None where nothing is said. Raises UsageError for another word."""
    if text is None:
        return None
    for name in get_args(Decode):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise UsageError(f"replies are decoded {' or '.join(get_args(Decode))}, not {text!r}")


def with_decode(text: str, decode: Decode | None) -> str:
    """The spec with its replies drawn so, unless it says itself how they are, or nothing is asked for."""
    return text if decode is None or decode_of(text) else f"{text}[decode={decode}]"
