"""Training what a tournament needs: which policies (pure), then as many at once as there is room for.

A DQN wants a core; a language model a core and, where there are GPUs, one of them to itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from arena.machine.files import remove_folder
from arena.machine.hardware import cores, gpus
from arena.tournament.entrants import SPECIALIST, Training
from arena.tournament.options import TrainMode
from arena.untrusted import one_line
from arena_agents.files import check_own, open_regular
from arena_games.base import UsageError
from arena_games.registry import find_game

LOG = "train.log"
TAIL_BYTES = 64 * 1024  # of it, in which the last line is looked for
LOOK_EVERY_S = 0.2
PATIENCE_S = 5.0  # for a training that is asked to stop


def finished(training: Training) -> bool:
    """Whether the run has gone to its end and left its last policy."""
    return (training.folder / "last").is_dir()


def due(trainings: Iterable[Training], mode: TrainMode) -> list[Training]:
    """The trainings that have to run, the longest first.

    Raises UsageError, with what is missing, if some have to and `mode` is NEVER.
    """
    wanted = [training for training in trainings if mode == TrainMode.ALWAYS or not finished(training)]
    if wanted and mode == TrainMode.NEVER:
        names = ", ".join(training.name for training in wanted)
        raise UsageError(f"not trained yet: {names}; use --train auto")
    return sorted(wanted, key=_expected_length, reverse=True)


def _expected_length(training: Training) -> tuple[bool, int]:
    spec = find_game(training.game)
    return training.agent != SPECIALIST, spec.horizon * spec.seats


def command(training: Training, seed: int) -> list[str]:
    """The command line that starts the training, or goes on with it where it was stopped."""
    worker = [sys.executable, "-m", "arena.cli.worker", "train"]
    if (training.folder / "config.json").is_file():
        code = [training.game] if ":" in training.game else []  # which a stored config alone does not start
        return [*worker, *code, "--resume", str(training.folder)]
    own = [setting.removeprefix("seed=") for setting in training.settings if setting.startswith("seed=")]
    where = ["--out", str(training.folder), "--seed", own[-1] if own else str(seed)]
    others = [setting for setting in training.settings if not setting.startswith("seed=")]
    settings = [word for setting in others for word in ("--set", setting)]
    return [*worker, training.game, "--agent", training.agent, *where, *settings]


def threads_each(trainings: Sequence[Training]) -> int:
    """The threads of each training, if cores are shared out evenly among those that run side by side."""
    return max(1, cores() // most_at_once(trainings, cores(), len(gpus())))


class Watcher(Protocol):
    """Told how the trainings proceed."""

    def started(self, training: Training) -> None: ...

    def look(self) -> None:
        """Called a few times a second."""

    def ended(self, training: Training, error: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Job:
    training: Training
    process: subprocess.Popen[bytes]
    card: str | None


def train_all(
    trainings: Sequence[Training],
    *,
    seed: int,
    watcher: Watcher,
    anew: bool = False,
    threads: int | None = None,
) -> dict[Training, str]:
    """Run the trainings, each in a process of its own, and return what went wrong with which.

    Each has so many `threads`, by default those that it gets if cores are shared out evenly, and those of a
    language model have a GPU each: two would each want most of its memory. `anew` discards what the
    run folders hold.
    """
    threads = threads or threads_each(trainings)
    if anew:
        for training in trainings:
            remove_folder(training.folder)
    waiting, errors = list(trainings), {}
    cards = device_names()
    free = list(cards)
    at_once = max(1, min(cores() // threads, most_at_once(waiting, cores(), len(cards))))
    with _stopped_on_exit() as running:
        while waiting or running:
            while len(running) < at_once and (fitting := _next(waiting, free, on_cards=bool(cards))):
                waiting.remove(fitting)
                card = free.pop(0) if cards and wants_card(fitting) else None
                running.append(_start(fitting, seed, threads, card))
                watcher.started(fitting)
            time.sleep(LOOK_EVERY_S)
            watcher.look()
            for job in [job for job in running if job.process.poll() is not None]:
                running.remove(job)
                free += [job.card] if job.card is not None else []
                error = _error(job)
                watcher.ended(job.training, error)
                if error is not None:
                    errors[job.training] = error
    return errors


def device_names() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` would name each."""
    count, asked = len(gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")
    names = map(str, range(count)) if asked is None else map(str.strip, asked.split(","))
    return list(names)[:count]


def wants_card(training: Training) -> bool:
    """Whether the training is done on a GPU where there is one; a DQN is trained on the CPU."""
    return training.agent != SPECIALIST


def most_at_once(trainings: Sequence[Training], processors: int, cards: int) -> int:
    """How many trainings may ever run side by side."""
    on_cards = sum(map(wants_card, trainings)) if cards else 0
    return max(1, min(processors, len(trainings) - on_cards + min(on_cards, cards)))


def _next(waiting: Sequence[Training], free: Sequence[str], *, on_cards: bool) -> Training | None:
    """The first training that can start now."""
    fitting = (t for t in waiting if free or not on_cards or not wants_card(t))
    return next(fitting, None)


def _start(training: Training, seed: int, threads: int, card: str | None) -> _Job:
    training.folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
    check_own(training.folder / LOG)
    if card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = card
    with (training.folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command(training, seed),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    return _Job(training, process, card)


def _error(job: _Job) -> str | None:
    """None if the training has ended well, else the last line that it wrote."""
    status = job.process.returncode
    if status == 0 and finished(job.training):
        return None
    lines = [line.strip() for line in _tail(job.training.folder / LOG).splitlines() if line.strip()]
    return (
        one_line(lines[-1].removeprefix("arena: "))
        if lines
        else f"ended with status {status} and said nothing"
    )


def _tail(path: Path) -> str:
    """The end of a log, which may be long."""
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return file.read(TAIL_BYTES).decode("utf-8", "replace")


@contextmanager
def _stopped_on_exit() -> Iterator[list[_Job]]:
    """A list of jobs; those that are left in it when the block ends are stopped."""
    running: list[_Job] = []
    try:
        yield running
    finally:
        for job in running:
            job.process.terminate()
        for job in running:
            try:
                job.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                job.process.kill()
