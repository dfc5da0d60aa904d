"""`NAME(key=value,…)`, as games of other libraries are named, taken apart."""

from __future__ import annotations

import ast
from typing import Any

from arena_games.base import UsageError


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
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value


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
