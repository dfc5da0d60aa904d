"""`NAME(key=value,…)`, as games of other libraries are named, taken apart."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from typing import Any

from arena_games.base import GameSpec, UsageError

LONGEST = 200  # characters of a library's own message
TRUTH = {"true": True, "false": False}


def split_reference(library: str, reference: str) -> tuple[str, dict[str, str], int | None]:
    """Name, settings as they stand, and `cut`, which is ours: after so many turns of a seat it is cut.

    A comma within a value stands in brackets of its own. Raises UsageError, in one line, for anything else.
    """
    short, bracket, rest = reference.partition("(")
    whole = f"{library}:{reference}"
    if bracket and not rest.endswith(")"):
        raise UsageError(f"{whole} lacks its closing bracket")
    parts = [part.partition("=") for part in outside_brackets(rest[:-1]) if part.strip()]
    broken = next(("".join(part) for part in parts if not part[1]), None)
    if broken is not None:
        raise UsageError(f"{whole}: write key=value, not {broken.strip()!r}")
    given = {key.strip(): value.strip() for key, _, value in parts}
    cut = given.pop("cut", None)
    if cut is not None and not (cut.isdecimal() and int(cut)):
        raise UsageError(f"{whole}: cut is a number of turns, not {cut!r}")
    return short.strip(), given, None if cut is None else int(cut)


def read_values(given: dict[str, str]) -> dict[str, Any]:
    """The settings as Python's numbers, True, False, None, lists, … where they are such, else as text."""
    return {key: _read(value) for key, value in given.items()}


def _read(value: str) -> Any:
    if value.lower() in TRUTH:
        return TRUTH[value.lower()]
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value


def settings_of(function: Any) -> dict[str, Any] | None:
    """What a function or class may be told by name, with the defaults; None if it takes anything."""
    try:
        known = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind == one.VAR_KEYWORD for one in known):
        return None
    named = [one for one in known if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return {one.name: None if one.default is one.empty else one.default for one in named}


def check_settings(whole: str, given: Mapping[str, Any], known: Mapping[str, Any] | None) -> None:
    """Raises UsageError for a setting that is none of these, and for one of another type than the default."""
    for key, value in given.items():
        if known is None:
            continue
        if key not in known:
            raise UsageError(f"{whole} has no setting {key!r}; {listed_settings(known)}")
        if not _fits(known[key], value):
            wanted = "True or False" if isinstance(known[key], bool) else "a number"
            raise UsageError(f"{whole}: {key} is {wanted}, not {value!r}; {known[key]!r} if left out")


def _fits(default: Any, value: Any) -> bool:
    if value is None or not isinstance(default, int | float):
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool) if isinstance(default, bool) else number


def listed_settings(known: Mapping[str, Any]) -> str:
    """What may stand in a reference's brackets."""
    return f"its settings: {', '.join([*sorted(known), 'cut=N'])}"


def tried(spec: GameSpec, known: Mapping[str, Any] | None) -> GameSpec:
    """The game, after its first position has been made and shown once.

    Raises UsageError where that fails: what its settings ask for is then beyond the library's code.
    """
    try:
        env = spec.make_env()
        env.reset(seed=0)
        env.observe(env.agent_selection)
    except Exception as error:  # another library's code: it may raise anything
        said = f"{spec.name} cannot be played: {type(error).__name__}: {error}"
        what = f"; {listed_settings(known)}" if known else ""
        raise UsageError(f"{' '.join(said.split())[:LONGEST]}{what}") from error
    return spec


def outside_brackets(text: str) -> list[str]:
    """The parts between commas that stand in no brackets of their own."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
