"""Training what a tournament needs: which policies (pure), then as many at once as there is room for.

A DQN wants a core; a language model a core and, where there are GPUs, one of them to itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial

from arena.machine.children import Child, Watcher, device_names, run_children
from arena.machine.files import remove_folder
from arena.machine.hardware import cores, gpus
from arena.tournament.entrants import SPECIALIST, Training
from arena.tournament.options import TrainMode
from arena_games.base import UsageError
from arena_games.registry import find_game

LOG = "train.log"


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


def train_all(
    trainings: Sequence[Training],
    *,
    seed: int,
    watcher: Watcher[Training],
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
    most = most_at_once(trainings, cores(), len(device_names()))
    return run_children(
        [_child(training, seed) for training in trainings],
        at_once=max(1, min(cores() // threads, most)),
        threads=threads,
        watcher=watcher,
    )


def _child(training: Training, seed: int) -> Child[Training]:
    """The training as a process; one that leaves no policy has failed."""
    return Child(
        training,
        tuple(command(training, seed)),
        training.folder / LOG,
        on_card=wants_card(training),
        done=partial(finished, training),
    )


def wants_card(training: Training) -> bool:
    """Whether the training is done on a GPU where there is one; a DQN is trained on the CPU."""
    return training.agent != SPECIALIST


def most_at_once(trainings: Sequence[Training], processors: int, cards: int) -> int:
    """How many trainings may ever run side by side."""
    on_cards = sum(map(wants_card, trainings)) if cards else 0
    return max(1, min(processors, len(trainings) - on_cards + min(on_cards, cards)))
