"""The parent of an agent's process: it keeps its log, and ends all that it leaves behind.

    python -P -u keeper.py SOCKET LOG LARGEST PATH

It forks the agent's process before anything is imported that takes room, tells its id on stdout, and waits:
for its end, or for the end of stdin, which comes when the arena ends, however that happens. Then it kills
the agent's group and every descendant, those in sessions of their own included (on Linux: orphans become
children of this process), and tells on stdout what became of the agent. LARGEST is how many bytes
the log may have, PATH is `sys.path`, as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 5.0  # for what has been killed to be gone
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main() -> None:
    """Fork the agent's process, which returns from `keep` as such; this one does not."""
    descriptor, log = int(sys.argv[1]), _Log(Path(os.fsdecode(sys.argv[2])), int(sys.argv[3]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    keep(log, descriptor)
    sys.path[:] = json.loads(sys.argv[4])
    from arena_agents.sandbox.child import serve

    serve(descriptor)


def keep(log: _Log, descriptor: int) -> None:
    """Returns in the agent's process only."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    output, printed = os.pipe()
    keeper, agent = os.getpid(), os.fork()
    if agent == 0:
        for end in (woken, wakes, output):
            os.close(end)
        _become_agent(keeper, printed)
        return
    os.close(descriptor)
    os.close(printed)
    _tell(agent)
    status = _wait(agent, output, woken, log)
    _tell(status)
    os._exit(0)


def _become_agent(keeper: int, printed: int) -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(printed)


def _wait(agent: int, output: int, woken: int, log: _Log) -> int:
    """Keep the log until the agent has ended or is to end; its status as `os.waitpid` gives it."""
    status: int | None = None
    while status is None:
        ready, _, _ = select.select([0, output, woken], [], [])
        if output in ready:
            log.write(os.read(output, 65536))
        if woken in ready:
            os.read(woken, 512)
        status = _reaped(agent)
        if 0 in ready and not os.read(0, 1):
            break
    with suppress(OSError):
        os.killpg(agent, signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while _kill_children() and time.monotonic() < until:
        found = _reaped(agent)
        status = found if status is None else status
        time.sleep(0.002)
    os.set_blocking(output, False)
    with suppress(OSError):
        while said := os.read(output, 65536):
            log.write(said)
    return -1 if status is None else status


def _reaped(agent: int) -> int | None:
    """Take leave of those that have ended; the agent's status if it is among them."""
    status = None
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            status = found[1] if found[0] == agent else status
    return status


def _kill_children() -> bool:
    """Kill what descends from this process, as far as the system tells; whether anything is left."""
    with suppress(OSError, ValueError):
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class _Log:
    """A file of bounded length that begins to exist with the first byte.

    Nothing is written through a link, or into what is no regular file.
    """

    def __init__(self, path: Path, largest: int) -> None:
        self._path = path
        self._room = largest

    def write(self, said: bytes) -> None:
        if not said or self._room < 0:
            return
        self._room -= len(said)
        if self._room < 0:
            said = said[: self._room] + b"\n[what it printed from here on is left out]\n"
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "ab", opener=_opened) as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    file.write(said)


def _opened(path: str, flags: int) -> int:
    """The file itself, never waiting for the reader of a FIFO."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK, 0o666)


def _tell(number: int) -> None:
    with suppress(OSError):
        os.write(1, b"%d\n" % number)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the end of a pipe has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
