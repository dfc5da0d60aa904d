"""Where the modules and calls are missing that only POSIX has, people can still import, play and train."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# As on Windows, but for other people's packages, which look at the platform themselves.
WITHOUT = """
import builtins, os

ABSENT = {"fcntl", "grp", "pty", "pwd", "termios", "tty"}
OURS = ("arena", "arena_agents", "arena_games", "arena_leaderboard")
real = builtins.__import__

def guarded(name, globals=None, *rest, **named):
    asker = str((globals or {}).get("__name__", "")).partition(".")[0]
    if name in ABSENT and asker in OURS:
        raise ImportError(f"no {name} here")
    return real(name, globals, *rest, **named)

builtins.__import__ = guarded
for name in ("fork", "killpg", "setsid"):
    delattr(os, name)
"""
PLAY = """
from arena import Tournament, leaderboard, run_tournament

run_tournament(Tournament.of("snake-duel", "search,mine.py:Mine", "t", matches=2))
assert {one.agent for one in leaderboard("t").overall} == {"search", "mine.py:Mine"}
"""
TRAIN = """
from arena import make_agent, train

settings = {"groups": 1, "group_size": 2, "eval_episodes": 2, "confirm_episodes": 2}
run = train("frozen-lake", "nano", out="run", steps=1, settings=settings)
assert make_agent(str(run)).name
"""
MINE = """
from arena_agents import Agent

class Mine(Agent):
    def choose(self, observation):
        return f"<action>{observation.legal_names[0]}</action>"
"""


def lacking(program: str, folder: Path) -> None:
    """Run it in the folder, without POSIX."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_tournament_with_a_class_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    lacking(PLAY, tmp_path)


def test_nano_trains(tmp_path: Path) -> None:
    lacking(TRAIN, tmp_path)


def test_what_is_missing_is_missed(tmp_path: Path) -> None:
    program = "exec('import termios', {'__name__': 'arena.views.terminal.keys'})"
    lacking(f"try:\n    {program}\nexcept ImportError:\n    pass\nelse:\n    raise SystemExit(1)", tmp_path)
