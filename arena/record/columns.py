"""What the columns of a run's file may hold: one that was damaged, or is somebody else's, holds anything.

Columns are checked where they are read, so that nothing further on meets a name that is a number, a return
that is none, or a seat that is not there. Every function raises ValueError, which `legible` puts into words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from arena_agents.limits import LARGEST_REWARD, MOST_ACTIONS

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
SAID = -1  # the number, in a column of actions' numbers, of what is said in a game of free text
KNOWN = 10_000  # line-ups, places and returns recur: each is read once, and held once

Count = Annotated[int, Field(ge=0)]
Seat = Annotated[int, Field(ge=0, lt=1_000)]
Action = Annotated[int, Field(ge=SAID, le=MOST_ACTIONS)]
Points = Annotated[float, Field(ge=-LARGEST_REWARD, le=LARGEST_REWARD)]
Seconds = Annotated[float, Field(ge=0)]

_SEATS = TypeAdapter(tuple[Seat, ...], config=STRICT)
_ACTIONS = TypeAdapter(tuple[Action, ...], config=STRICT)
_POINTS = TypeAdapter(tuple[Points, ...], config=STRICT)
_PLACES = TypeAdapter(tuple[Annotated[int, Field(ge=1)], ...], config=STRICT)
_SUCCESSES = TypeAdapter(tuple[bool, ...], config=STRICT)
_EPISODE = TypeAdapter(
    tuple[int, bytes, bytes, int, int, str, str, str, str, str, str, bytes | None, bytes | None],
    config=STRICT,
)
_STEP = TypeAdapter(
    tuple[
        Seat, Count, bytes, str, bytes, Action, bytes | None, Points, Seconds, bytes | None,
        int | None, int | None, int | None, float | None, int | None, str | None,
    ],
    config=STRICT,
)  # fmt: skip
_TALLY = TypeAdapter(tuple[Seat, Count, Count, Seconds, Count], config=STRICT)
_MATCH_COUNTS = TypeAdapter(tuple[int, Count, Count, Count | None], config=STRICT)


class RunConfig(BaseModel):
    """What a tournament was started with, as far as anybody reads it; more may stand there."""

    model_config = ConfigDict(extra="allow", strict=True)

    games: dict[str, int] = {}
    agents: dict[str, str] = {}
    seed: int = 0
    matches: int = 0


def _read(kind: TypeAdapter[Any], column: str, what: str) -> tuple[Any, ...]:
    try:
        return tuple(kind.validate_json(column))
    except ValidationError as error:
        raise ValueError(f"{what}: {_first_problem(error)}") from error


def _checked(kind: TypeAdapter[Any], row: Iterable[Any], what: str) -> tuple[Any, ...]:
    try:
        return tuple(kind.validate_python(tuple(row)))
    except ValidationError as error:
        raise ValueError(f"{what}: column {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))} {problem['msg'].lower()}".strip()


@lru_cache(maxsize=KNOWN)
def names(column: str) -> tuple[str, ...]:
    found = json.loads(column)  # not pydantic: a name may hold half a surrogate pair, which was stored so
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError("players are not a list of names")
    return tuple(found)


@lru_cache(maxsize=KNOWN)
def seats(column: str) -> tuple[int, ...]:
    return _read(_SEATS, column, "seats")


@lru_cache(maxsize=KNOWN)
def actions(column: str) -> tuple[int, ...]:
    return _read(_ACTIONS, column, "actions")


@lru_cache(maxsize=KNOWN)
def points(column: str) -> tuple[float, ...]:
    return _read(_POINTS, column, "points")


@lru_cache(maxsize=KNOWN)
def places(column: str) -> tuple[int, ...]:
    return _read(_PLACES, column, "places")


@lru_cache(maxsize=KNOWN)
def successes(column: str) -> tuple[bool, ...]:
    return _read(_SUCCESSES, column, "successes")


def episode(row: Any) -> tuple[Any, ...]:
    """A row of the table of episodes, whose columns by seat are as many as its players."""
    found = _checked(_EPISODE, row, "episode")
    players, rated, returns, placements, won = found[5:10]
    sizes = {len(names(players)), len(points(returns)), len(places(placements)), len(successes(won))}
    if len(sizes) > 1 or not names(players):
        raise ValueError("columns by seat are not of one length")
    taken = seats(rated)
    if max(taken, default=0) >= len(names(players)) or len(set(taken)) < len(taken):
        raise ValueError(f"rated seats {rated} are not those of {len(names(players))} players")
    return found


def steps(rows: Iterable[Any], players: int) -> list[tuple[Any, ...]]:
    """Rows of an episode's steps."""
    found = [_checked(_STEP, row, "step") for row in rows]
    if any(row[0] >= players for row in found):
        raise ValueError(f"a step is of a seat that {players} players do not hold")
    return found


def tally(row: Any) -> tuple[Any, ...]:
    """A seat, its decisions, invalid ones, seconds, and those invalid at first."""
    return _checked(_TALLY, row, "tally")


def match_counts(row: Any) -> tuple[Any, ...]:
    """An episode's number, its decisions, invalid ones, and the first of these."""
    return _checked(_MATCH_COUNTS, row, "count")
