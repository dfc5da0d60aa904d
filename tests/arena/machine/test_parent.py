"""A worker ends with who started it, whatever stands between, and goes on as long as both live."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from arena.machine.parent import PARENT, for_a_child

CHILD = "import time; from arena.machine.parent import end_with_parent; end_with_parent(); time.sleep({})"
LAUNCHER = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode)"


def started(*words: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], env={**os.environ, **environment})


@pytest.mark.parametrize("words", [("-c",), ("-c", LAUNCHER)], ids=["at once", "by a launcher"])
def test_it_goes_on_while_who_started_it_lives(words: tuple[str, ...]) -> None:
    child = subprocess.Popen([sys.executable, *words, CHILD.format(1.5)], env=for_a_child(os.environ))
    assert child.wait(60) == 0


@pytest.mark.parametrize("words", [("-c",), ("-c", LAUNCHER)], ids=["at once", "by a launcher"])
@pytest.mark.parametrize("reaped", [True, False])
def test_it_ends_where_who_started_it_had_gone_before(words: tuple[str, ...], reaped: bool) -> None:
    starter = started("-c", "")
    time.sleep(0.2)
    if reaped:
        starter.wait(60)
    begun = time.monotonic()
    child = started(*words, CHILD.format(300), **{PARENT: str(starter.pid)})
    assert child.wait(120) == 1
    assert time.monotonic() - begun < 120
    starter.wait(60)
