"""How far a training has come, read from the run folder that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TAIL_BYTES = 64 * 1024  # of metrics.jsonl: more than the rows between two evaluations


class TrainingStatus:
    """The step, the number of steps and the last known mean return of a run; call `update` to look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.step = 0
        self.steps: int | None = None
        self.mean_return: float | None = None

    def __str__(self) -> str:
        shown = "" if self.mean_return is None else f", return {self.mean_return:.2f}"
        return f"step {self.step}/{self.steps or '?'}{shown}"

    def update(self) -> None:
        """Read what is there; a run that has written nothing yet is at step 0."""
        self.steps = self.steps or self._configured_steps()
        rows = _last_rows(self._folder / "metrics.jsonl")
        if rows:
            self.step = int(rows[-1].get("step", 0))
        for row in reversed(rows):
            shown = row.get("eval/return")
            if shown is not None:
                self.mean_return = float(shown)
                return

    def _configured_steps(self) -> int | None:
        try:
            return int(json.loads((self._folder / "config.json").read_text())["steps"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _last_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().splitlines(keepends=True)
    except OSError:
        return []
    return [row for line in lines if line.endswith(b"\n") and (row := _row(line)) is not None]


def _row(line: bytes) -> dict[str, Any] | None:
    """One row, or None for the half of one with which the tail may begin."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
