"""How long one waits for the program to say something: a new process each time, its files in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.measure import Work

ARENA = Path(sys.executable).with_name("arena")


def help_text() -> Work:
    return Work("arena --help", "runs/s", _run("--help"), "", None, 0.4, 0.2, "seconds")


def list_games() -> Work:
    return Work("arena list games", "runs/s", _run("list", "games"), "", None, 0.6, 0.3, "seconds")


def eval_random() -> Work:
    command = ("eval", "random", "--games", "frozen-lake", "--episodes", "10")
    return Work("arena eval random", "runs/s", _run(*command), "", None, 0.6, 0.4, "seconds")


def _run(*arguments: str) -> Callable[[], int]:
    def once() -> int:
        subprocess.run([ARENA, *arguments], check=True, stdout=subprocess.DEVNULL)
        return 1

    return once
