"""`metrics.jsonl`: one object a step, appended as the run goes on, and cut where it goes on again."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena.machine.files import append_line, sync, write_text
from arena_agents.files import read_bytes
from arena_agents.limits import LARGEST_NUMBER, LARGEST_TABLE
from arena_games.base import UsageError

Row = dict[str, Any]


Value = bool | int | float | str | None


class _Row(BaseModel):
    """A step, and whatever was measured in it: numbers, mostly."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, Value]

    step: int = Field(ge=0, le=LARGEST_NUMBER)


class MetricsFile:
    """The rows of one run. A row cut by a kill counts as not written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Row) -> None:
        """Add a step's row."""
        append_line(self.path, json.dumps(row))

    def sync(self) -> None:
        """Bring all rows to the disk: what goes on from here relies on them."""
        if self.path.exists():
            sync(self.path)

    def rows(self) -> list[Row]:
        """All whole rows. Raises UsageError, with the line's number, if one is damaged."""
        lines = self._lines()
        rows = [parsed(line) for line in lines]
        if None in rows:
            raise UsageError(
                f"{self.path} is damaged in line {rows.index(None) + 1}; "
                f"go on with --resume {quote(str(self.path.parent))}, which writes it again"
            )
        return [row for row in rows if row is not None]

    def missing(self, first: int, last: int) -> list[int]:
        """The steps from `first` to `last` of which there is no legible row."""
        there = {row["step"] for row in self._legible()}
        return [step for step in range(first, last + 1) if step not in there]

    def keep(self, last: int) -> None:
        """Forget the rows after this step, and what is no row: they will be written again."""
        kept = [json.dumps(row) + "\n" for row in self._legible() if row["step"] <= last]
        write_text(self.path, "".join(kept))

    def _legible(self) -> list[Row]:
        return [row for line in self._lines() if (row := parsed(line)) is not None]

    def _lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        lines = read_bytes(self.path, LARGEST_TABLE).splitlines(keepends=True)
        return [line for line in lines if line.endswith(b"\n")]


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a measured value is one that can be drawn and compared."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def parsed(line: bytes) -> Row | None:
    """One row, if the line is one."""
    try:
        return _Row.model_validate_json(line).model_dump()
    except ValidationError:
        return None
