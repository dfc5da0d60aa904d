"""Ctrl-C at random moments while nano plays: one line, exit status 130, never an abort or a traceback."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LATEST_S = 3.0  # after torch has been loaded: the model is read first, then it plays
COMMANDS = {
    "eval": ("eval", "nano", "--games", "snake", "--episodes", "3000"),
    "watch": ("watch", "snake-duel", "--agents", "nano,other=nano", "--plain", "--speed", "2"),
    "tournament": (
        *("tournament", "--games", "snake,snake-duel", "--agents", "nano,random", "--matches", "2000"),
        *("--workers", "1", "--out", "run"),
    ),
    "workers": (
        *("tournament", "--games", "snake,snake-duel", "--agents", "nano,random", "--matches", "2000"),
        *("--workers", "2", "--out", "run"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_at_any_moment_is_one_line_and_130(command: str, number: int, tmp_path: Path) -> None:
    after_s = random.Random(f"{command} {number}").uniform(0, LATEST_S)
    playing = subprocess.Popen(
        [sys.executable, "-m", "arena", *COMMANDS[command]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    while not torch_is_loaded(playing.pid):
        assert playing.poll() is None
        time.sleep(0.02)
    time.sleep(after_s)
    assert playing.poll() is None, "it ended by itself: ask it for more"
    os.killpg(playing.pid, signal.SIGINT)  # as a terminal does: workers get it too
    said = playing.communicate(timeout=120)[1].splitlines()
    print(f"{command} after {after_s:.2f} s: {playing.returncode} {said[-1:]}")
    assert playing.returncode == 130, said
    assert [line for line in said if line.startswith("arena: interrupted")] == said[-1:]
    assert not [line for line in said if "Traceback" in line or "terminate called" in line]


def torch_is_loaded(process: int) -> bool:
    """Whether it, or a worker of its, has loaded torch; that the process is there still is for the caller."""
    try:
        family = [process, *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())]
        return any("libtorch_cpu" in Path(f"/proc/{one}/maps").read_text() for one in family)
    except OSError:
        return False
