"""How far a training has come, read from the run folder that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.training.metrics_file import is_number, parsed
from arena_agents.files import open_regular, read_json
from arena_games.base import UsageError

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
            self.step = rows[-1]["step"]
        for row in reversed(rows):
            shown = row.get("eval/return")
            if is_number(shown):
                self.mean_return = float(shown)
                return

    def _configured_steps(self) -> int | None:
        try:
            steps = read_json(self._folder / "config.json").get("steps")
        except UsageError:
            return None
        return steps if isinstance(steps, int) else None


def _last_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().splitlines(keepends=True)
    except (OSError, UsageError):
        return []
    # The tail may begin with half a row, which is none.
    return [row for line in lines if line.endswith(b"\n") and (row := parsed(line)) is not None]
