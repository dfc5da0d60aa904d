"""A program in a pseudo-terminal: keys go in, and what it has drawn last can be read."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import traceback
from types import TracebackType
from typing import Any, NoReturn

from arena.cli import app as cli

PATIENCE_S = 240.0  # for a machine that is busy with other things; what hangs here hangs for ever
HOME = b"\x1b[H"  # with which a picture begins
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"
ALTERNATE, NORMAL = b"\x1b[?1049h", b"\x1b[?1049l"
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


class Terminal:
    """Runs `arena` with these arguments, and reads what it draws picture by picture.

    The program runs in a fork of this process, which saves it the imports.
    """

    def __init__(self, *arguments: object, width: int = 80, height: int = 24, **environment: str) -> None:
        self._main, self._other = pty.openpty()
        self.resize(width, height)
        self.modes = termios.tcgetattr(self._other)
        self.output = b""
        self._at = 0  # where the picture begins that is looked at
        self.status: int | None = None
        self.process = os.fork()
        if self.process == 0:
            self._run(list(map(str, arguments)), environment)

    def _run(self, arguments: list[str], environment: dict[str, str]) -> NoReturn:
        """Be the program, in the child."""
        _login(self._other)
        os.environ.update({"TERM": "xterm-256color", **environment})
        for name in {"NO_COLOR", "COLUMNS", "LINES"} - set(environment):
            os.environ.pop(name, None)
        sys.argv = ["arena", *arguments]
        sys.stdin = os.fdopen(0, encoding="utf-8")
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
        status = 99
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._poll() is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self._main)
        os.close(self._other)

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def wait_for(self, *texts: str) -> str:
        """A picture that holds the texts, without colours; those before it are not looked at again.

        One that was drawn over before this process came to read it counts too; of several the last.
        """
        until = time.monotonic() + PATIENCE_S
        while not self._holds(texts):
            following = self.output.find(HOME, self._at + 1)
            if following >= 0:
                self._at = following
            elif time.monotonic() > until or (not self._read(0.1) and self._poll() is not None):
                raise AssertionError(f"{' and '.join(texts)!r} did not appear in:\n{self._picture()}")
        while self._read(0.1):  # the rest of the picture
            pass
        found = self._at
        while (following := self.output.find(HOME, self._at + 1)) >= 0:
            self._at = following
            found = following if self._holds(texts) else found
        self._at = found
        return self._picture()

    def _holds(self, texts: tuple[str, ...]) -> bool:
        picture = self._picture()
        return all(text in picture for text in texts)

    def _picture(self) -> str:
        end = self.output.find(HOME, self._at + 1)
        drawn = self.output[self._at : None if end < 0 else end].decode("utf-8", "replace")
        return ESCAPES.sub("", drawn).replace("\r", "")

    def leave(self, keys: str = "q") -> int | None:
        """Type the keys that should end the program; its exit status."""
        self.type(keys)
        return self.end()

    def end(self) -> int | None:
        """Wait for the end; the exit status."""
        until = time.monotonic() + PATIENCE_S
        while self._poll() is None and time.monotonic() < until:
            self._read(0.02)
        while self._read(0.05):
            pass
        return self.status

    def _poll(self) -> int | None:
        if self.status is None:
            ended, status = os.waitpid(self.process, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if ended else None
        return self.status

    def assert_in_order(self) -> None:
        """The terminal is as it was before the program: modes, screen, cursor."""
        modes: Any = termios.tcgetattr(self._other)
        assert modes == self.modes
        assert self.output.rfind(NORMAL) > self.output.rfind(ALTERNATE) >= 0
        assert self.output.rfind(SHOWN) > self.output.rfind(HIDDEN) >= 0

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._main], [], [], timeout_s)
        if ready:
            self.output += os.read(self._main, 1 << 16)
        return bool(ready)


def _login(terminal: int) -> None:
    """Make the terminal the controlling one and standard input, output and error."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(terminal, descriptor)
