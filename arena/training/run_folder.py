"""A training run's folder: everything that is needed to read it, resume it, or run it again.

config.json        the resolved config
start/             the trained policy that the run goes on from, if it does
examples.jsonl     what is taught by example
environment.json   package versions, Python, platform, git revision
metrics.jsonl      one object a step
checkpoints/       step-N: policy, optimiser and generators, to resume from
best/  last/       policies that can be played as agents
curve.png          the learning curve
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from arena.machine.copies import refuse_links
from arena.machine.environment import environment
from arena.machine.files import write_json, write_text
from arena.training.config import TrainConfig
from arena.training.distributed.team import Team
from arena_games.base import UsageError

KEPT_CHECKPOINTS = 2


class RunFolder:
    """Paths and durable writes of one run. A folder appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics_path = path / "metrics.jsonl"
        self.loggers: list[Callable[[dict[str, Any]], None]] = []

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> RunFolder:
        """A new run. Raises UsageError if the folder already holds one."""
        if (path / "config.json").exists():
            raise UsageError(
                f"{path} already holds a run; go on with --resume {path}, or choose another --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        refuse_links(path)
        run = cls(path)
        write_json(path / "environment.json", environment())
        write_json(path / "config.json", {"algorithm": config.ALGORITHM, **config.model_dump()})  # type: ignore[attr-defined]
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises UsageError if there is none, and for links that lead out of it."""
        if not (path / "config.json").is_file():
            raise UsageError(f"{path} holds no run (no config.json); start one with arena train --out {path}")
        refuse_links(path)
        return cls(path)

    def discard_unstarted(self) -> None:
        """Remove what `create` wrote if no step was ever logged: the run could not begin."""
        if self.metrics_path.exists():
            return
        for name in ("config.json", "environment.json", "template.txt", "examples.jsonl"):
            (self.path / name).unlink(missing_ok=True)
        for name in ("start", "start.new", "teacher"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def config(self) -> dict[str, Any]:
        """The stored config, `algorithm` included. Raises UsageError if it is unreadable."""
        try:
            loaded: dict[str, Any] = json.loads((self.path / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {self.path / 'config.json'}: {error}") from error
        return loaded

    def log(self, row: dict[str, Any]) -> None:
        """Append one step's metrics, and tell the loggers."""
        with self.metrics_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        for logger in self.loggers:
            logger(row)

    def metrics(self) -> list[dict[str, Any]]:
        """All whole rows so far."""
        if not self.metrics_path.exists():
            return []
        lines = self.metrics_path.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def rewind(self, step: int) -> None:
        """Forget the metrics after `step`: they will be written again."""
        kept = [json.dumps(row) + "\n" for row in self.metrics() if row["step"] <= step]
        write_text(self.metrics_path, "".join(kept))

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """Store what resuming needs, and drop all but the newest checkpoints."""
        self._replace(self.path / "checkpoints" / f"step-{step:06d}", write)
        for old in self._checkpoints()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """Step and folder of the newest checkpoint."""
        found = self._checkpoints()
        return (int(found[-1].name.partition("-")[2]), found[-1]) if found else None

    def save_policy(self, name: str, write: Callable[[Path], None]) -> Path:
        """Store a policy under `best` or `last`."""
        return self._replace(self.path / name, write)

    def _checkpoints(self) -> list[Path]:
        return sorted((self.path / "checkpoints").glob("step-??????"))

    def _replace(self, target: Path, write: Callable[[Path], None]) -> Path:
        fresh, old = target.with_name(target.name + ".new"), target.with_name(target.name + ".old")
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh.mkdir(parents=True)
        write(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        return target


Config = TypeVar("Config", bound=TrainConfig)


class Onlooker(RunFolder):
    """The run's folder as all processes but the first see it: to be read."""

    def log(self, row: dict[str, Any]) -> None: ...

    def rewind(self, step: int) -> None: ...

    def discard_unstarted(self) -> None: ...

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None: ...

    def save_policy(self, name: str, write: Callable[[Path], None]) -> Path:
        return self.path / name


def open_run(team: Team, path: Path, make: Callable[[], RunFolder]) -> RunFolder:
    """The run at `path`, which the first process makes and the others look at.

    Raises what `make` raises, a UsageError in every process.
    """
    if team.size == 1:
        return make()
    run, problem = None, None
    if team.is_main:
        try:
            run = make()
        except UsageError as error:
            problem = str(error)
    problem = team.gather(problem)[0]
    if problem is not None:
        raise UsageError(problem)
    return run or Onlooker(path)
