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
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from arena.training.config import TrainConfig
from arena_games.base import UsageError

PACKAGES = ("tmsg-arena", "torch", "transformers", "peft", "numpy", "pettingzoo", "gymnasium", "safetensors")
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
        run = cls(path)
        write_json(path / "environment.json", environment())
        write_json(path / "config.json", {"algorithm": config.ALGORITHM, **config.model_dump()})  # type: ignore[attr-defined]
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises UsageError if there is none."""
        if not (path / "config.json").is_file():
            raise UsageError(f"{path} holds no run (no config.json); start one with arena train --out {path}")
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


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def environment() -> dict[str, Any]:
    """Versions of what decides the numbers of a run."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_revision": _git_revision(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """The revision of our own source tree; None for an installed copy."""
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
