"""A training run's folder: everything that is needed to read it, resume it, or run it again.

config.json        the resolved config; written last: with it the run is there
start/             the trained policy that the run goes on from, if it does
template.txt       the words around an observation, if they are not the default ones
examples.jsonl     what is taught by example
environment.json   package versions, Python, platform, git revision, threads
metrics.jsonl      one object a step
episodes.jsonl     a few of the episodes that were learned from, token by token
checkpoints/       step-N: policy, optimiser and generators, to resume from
best/  last/       policies that can be played as agents
league/            of a league: its versions, and the matches that rated them
curve.png          the learning curve
.lock              held by the process that trains
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from arena.machine.copies import refuse_links
from arena.machine.environment import environment
from arena.machine.files import LOCK_NAME, lock_folder, mend_folder, remove_folder, replace_folder, write_json
from arena.training import sampled
from arena.training.config import TrainConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.metrics_file import MetricsFile
from arena.training.threads import threads
from arena_agents.files import read_json
from arena_games.base import UsageError

KEPT_CHECKPOINTS = 2
# What reading a damaged checkpoint may raise, and what to do about it.
DOES_NOT_FIT = (OSError, ValueError, LookupError, TypeError, RuntimeError, AttributeError, ArithmeticError)
REMEDY = "delete that checkpoint to resume from an older one"
# What may be there before a run is, and is of no use without it.
UNSTARTED_FILES = ("config.json", "environment.json", "template.txt", "examples.jsonl")
UNSTARTED_FOLDERS = ("start", "start.new", "teacher", "league")


class RunFolder:
    """Paths and durable writes of one run. A folder appears whole or not at all.

    All processes of a team ask for the same writes. The first one writes; where it fails, all fail alike.
    """

    def __init__(self, path: Path, team: Team = SOLO) -> None:
        self.path, self.team = path, team
        self.metrics_file = MetricsFile(path / "metrics.jsonl")
        self.loggers: list[Callable[[dict[str, Any]], None]] = []
        self.episode_loggers: list[Callable[[Sequence[sampled.SampledEpisode]], None]] = []

    @classmethod
    def create(
        cls,
        path: Path,
        config: TrainConfig,
        fill: Callable[[Path], None] = lambda path: None,
        team: Team = SOLO,
    ) -> RunFolder:
        """A new run; `fill` adds what else it is to begin with. Raises UsageError if there is one already."""
        run = cls(path, team)

        def write() -> None:
            run._refuse_another()
            path.mkdir(parents=True, exist_ok=True)
            run._forget_unstarted()  # a start that was killed may have left half of it
            write_json(path / "environment.json", environment() | {"threads": threads()})
            fill(path)
            run.write_config(config)

        team.by_first(write)
        return run

    @classmethod
    def open(cls, path: Path, team: Team = SOLO) -> RunFolder:
        """An existing run. Raises UsageError if there is none."""
        if not (path / "config.json").is_file():
            raise UsageError(
                f"{path} holds no run (no config.json); start one with arena train --out {quote(str(path))}"
            )
        return cls(path, team)

    def _refuse_another(self) -> None:
        where = quote(str(self.path))
        if (self.path / "config.json").exists():
            raise UsageError(
                f"{self.path} already holds a run; go on with --resume {where}, or choose another --out"
            )
        if self._checkpoints():
            raise UsageError(
                f"{self.path} holds checkpoints of a run without config.json; choose another --out"
            )

    def discard_unstarted(self) -> None:
        """Remove what `create` wrote if no step was ever logged: the run could not begin."""
        if not self.team.is_main or self.metrics_file.path.exists() or not self.path.is_dir():
            return
        self._forget_unstarted()
        if all(path.name == LOCK_NAME for path in self.path.iterdir()):
            shutil.rmtree(self.path)

    def _forget_unstarted(self) -> None:
        for name in UNSTARTED_FILES:
            (self.path / name).unlink(missing_ok=True)
        for name in UNSTARTED_FOLDERS:
            remove_folder(self.path / name)

    def write_config(self, config: TrainConfig) -> None:
        """Store what the run is told from now on."""
        stored = {"algorithm": config.ALGORITHM, **config.model_dump()}  # type: ignore[attr-defined]
        write_json(self.path / "config.json", stored)

    def config(self) -> dict[str, Any]:
        """The stored config, `algorithm` included. Raises UsageError if it is unreadable."""
        return self._read("config.json")

    def environment(self) -> dict[str, Any]:
        """What the run was started with. Raises UsageError if it is unreadable."""
        return self._read("environment.json")

    def _read(self, name: str) -> dict[str, Any]:
        return read_json(self.path / name, remedy="train again in another folder")

    def log(self, row: dict[str, Any]) -> None:
        """Append one step's metrics, and tell the loggers."""

        def write() -> None:
            self.metrics_file.append(row)
            for logger in self.loggers:
                logger(row)

        self.team.by_first(write)

    def log_episodes(self, episodes: Sequence[sampled.SampledEpisode]) -> None:
        """Append episodes of one update that are kept to be looked at, if any, and tell the loggers."""

        def write() -> None:
            sampled.append(self.path, episodes)
            for logger in self.episode_loggers:
                logger(episodes)

        if episodes:
            self.team.by_first(write)

    def metrics(self) -> list[dict[str, Any]]:
        """All whole rows so far. Raises UsageError if one is damaged."""
        return self.metrics_file.rows()

    def rewind(self, step: int) -> None:
        """Forget the metrics and the checkpoints after `step`, which will be written again, and old ones."""

        def write() -> None:
            for later in self._checkpoints():
                if _step(later) > step:
                    remove_folder(later)
            self._drop_old()
            self.metrics_file.keep(step)
            sampled.keep(self.path, step)

        self.team.by_first(write)

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """Store what resuming needs, and drop all but the newest checkpoints."""

        def save() -> None:
            self.metrics_file.sync()
            replace_folder(self.path / "checkpoints" / f"step-{step:06d}", write)
            self._drop_old()

        self.team.by_first(save)

    def _drop_old(self) -> None:
        for old in self._checkpoints()[:-KEPT_CHECKPOINTS]:
            remove_folder(old)

    def latest_checkpoint(self, first: int | None = None) -> tuple[int, Path] | None:
        """Step and folder of the newest checkpoint, None if there is none.

        With `first`, of the newest that has a row of metrics of every step from that one on. Raises
        UsageError if there are checkpoints, and each lacks some.
        """
        found = [(_step(path), path) for path in self._checkpoints()]
        if first is None or not found:
            return found[-1] if found else None
        for step, path in reversed(found):
            if not self.metrics_file.missing(first, step):
                return step, path
        lacking = self.metrics_file.missing(first, found[0][0])
        raise UsageError(
            f"{self.metrics_file.path} lacks {len(lacking)} of the steps before the oldest checkpoint, "
            f"{lacking[0]} first; put it back, or delete {quote(str(self.path / 'checkpoints'))} "
            "to train from the start"
        )

    def save_policy(self, name: str, write: Callable[[Path], None]) -> Path:
        """Store a policy under `best` or `last`."""
        self.team.by_first(lambda: replace_folder(self.path / name, write))
        return self.path / name

    def holds(self, name: str) -> bool:
        """Whether that policy is there."""
        return (self.path / name).is_dir()

    def mend(self) -> None:
        """Put back what a kill has left half-way between two folders. Only for who holds the run."""
        for target in ("best", "last"):
            mend_folder(self.path / target)
        for path in (self.path / "checkpoints").glob("step-??????.*"):
            mend_folder(path.with_suffix(""))

    def _checkpoints(self) -> list[Path]:
        found = (self.path / "checkpoints").glob("step-??????")
        return sorted(path for path in found if path.name.partition("-")[2].isdecimal() and path.is_dir())


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.partition("-")[2])


@contextmanager
def held(path: Path, team: Team) -> Iterator[None]:
    """Keep other processes from training in this folder.

    Raises UsageError if one does, and for links that lead out of it, which would be written through.
    """
    locks = []
    refuse_links(path)
    team.by_first(lambda: locks.append(lock_folder(path, "training in")))
    try:
        yield
    except KeyboardInterrupt as stop:
        if (path / "config.json").is_file():
            again = "sft" if (path / "examples.jsonl").is_file() else "train"
            stop.add_note(f"go on with arena {again} --resume {quote(str(path))}")
        raise
    finally:
        for lock in locks:
            lock.release()
