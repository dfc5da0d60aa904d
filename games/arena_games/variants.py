"""A scenario with other numbers: `frozen-lake(frozen=0.9,horizon=12)`.

The numbers are part of the game's name, so a stored episode or training says what was played, is played again
from that, and never shares a leaderboard's column with another scenario. Named are those that differ from the
scenario's own, in the order in which its config has them: one scenario has one name.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from arena_games.base import GameSpec, UsageError
from arena_games.references import outside_brackets

_NAMED = re.compile(r"(?P<bare>[^()]+)\((?P<given>.*)\)", re.DOTALL)
_WORDS = {"true": True, "false": False}


def split_numbers(name: str) -> tuple[str, dict[str, str]]:
    """The game itself, and what stands in brackets behind it by name; nothing without brackets.

    Raises UsageError for what is no `key=value`.
    """
    found = _NAMED.fullmatch(name)
    if found is None:
        return name, {}
    return found["bare"].strip(), _pairs(outside_brackets(found["given"]), f"{name}: write")


def with_numbers(name: str, pairs: Iterable[str] | Mapping[str, Any]) -> str:
    """The game's name with these numbers (`KEY=VALUE` of `--game-set`, or a mapping) beside those it has.

    Raises UsageError for what is no `key=value`.
    """
    bare, given = split_numbers(name)
    if isinstance(pairs, Mapping):
        given |= {key: _written(value) for key, value in pairs.items()}
    else:
        given |= _pairs(pairs, "--game-set wants")
    return _named(bare, given)


def variant(spec: GameSpec, given: Mapping[str, str]) -> GameSpec:
    """The scenario with these numbers in place of its own; itself where they are its own.

    Raises UsageError for a number that it does not have or cannot be played with.
    """
    config = spec.config
    if spec.variant is None or not is_dataclass(config) or isinstance(config, type):
        raise UsageError(f"{spec.name} has no numbers that can be set; leave {', '.join(given)} out")
    own = {field.name: getattr(config, field.name) for field in fields(config)}
    read = {key: _read(spec.name, key, value, own) for key, value in given.items()}
    other = replace(config, **read)
    changed = {key: _written(getattr(other, key)) for key in own if getattr(other, key) != own[key]}
    return spec.variant(_named(spec.name, changed), other) if changed else spec


def _named(bare: str, given: Mapping[str, str]) -> str:
    return f"{bare}({','.join(f'{key}={value}' for key, value in given.items())})" if given else bare


def _pairs(parts: Iterable[str], wants: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        key, separator, value = (word.strip() for word in part.partition("="))
        if not separator or not key.isidentifier() or not value:
            raise UsageError(f"{wants} key=value, such as horizon=12, not {part.strip()!r}")
        found[key] = value
    return found


def _read(game: str, key: str, value: str, own: Mapping[str, Any]) -> Any:
    """A number of the kind that the scenario has there."""
    if key not in own:
        near = difflib.get_close_matches(key, own, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(own)}"
        raise UsageError(f"{game} has no number {key!r}; {hint}")
    try:
        read = _WORDS[value] if value in _WORDS else ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        read = value
    kind = type(own[key])
    if kind is float and type(read) is int and abs(read) < 2**53:
        return float(read)
    if type(read) is not kind:
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise UsageError(f"{game}: {key} is {wanted}, not {value!r}")
    return read


def _written(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else f"{value!r}".removesuffix(".0").replace("e+", "e")
    )
