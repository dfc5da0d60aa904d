"""A command's process looks for garbage seldom; whoever imports the package keeps their own setting."""

from __future__ import annotations

import subprocess
import sys

import pytest

from arena.machine.garbage import OBJECTS


@pytest.mark.parametrize(("module", "seldom"), [("arena.cli.app", True), ("arena", False)])
def test_only_a_command_changes_when_garbage_is_looked_for(module: str, seldom: bool) -> None:
    code = f"import gc; before = gc.get_threshold(); import {module}; print(*before, *gc.get_threshold())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, _, _, now, _, _ = map(int, done.stdout.split())
    assert now == (OBJECTS if seldom else before)
