"""Single keys from a terminal, by name."""

from __future__ import annotations

import os
import re
import select
import sys
from contextlib import suppress
from types import TracebackType

ESCAPE, END_OF_INPUT = "escape", "end of input"
LONE_ESCAPE_S = 0.03  # an arrow's bytes come together; an escape alone is followed by nothing
NAMES = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end",
    "1~": "home", "7~": "home", "4~": "end", "8~": "end",
}  # fmt: skip
PLAIN = {
    " ": "space",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\b": "backspace",
    "\x04": END_OF_INPUT,
}
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])")


def can_read_keys() -> bool:
    """Whether there is a terminal on both ends that can be asked for single keys."""
    try:
        import termios  # noqa: F401
    except ImportError:  # not on Windows
        return False
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


class Keyboard:
    """Reads keys while it is entered; the terminal is as before when it is left, however that happens."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._typed = b""

    def __enter__(self) -> Keyboard:
        import termios
        import tty

        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import termios

        with suppress(termios.error):  # the terminal may be gone
            # What was typed ahead is not meant for the shell: flush it.
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._before)

    def read(self, timeout_s: float) -> str | None:
        """The next key, or None if none comes in time. An unknown one is "".

        Arrows, home, end and others have names; any other key is the character that it types.
        """
        if not self._typed:
            self._more(timeout_s)
        if self._typed == b"\x1b":
            self._more(LONE_ESCAPE_S)
        if not self._typed:
            return None
        key, self._typed = first_key(self._typed)
        return key

    def _more(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, timeout_s))
        if not ready:
            return
        try:
            self._typed += os.read(self._descriptor, 1024) or b"\x04"
        except OSError:  # the terminal is gone
            self._typed += b"\x04"


def first_key(typed: bytes) -> tuple[str, bytes]:
    """The first key of what was typed, by name, and the rest."""
    if found := _SEQUENCE.match(typed):
        body = found[0][2:].decode("ascii")
        return NAMES.get(body, ""), typed[found.end() :]
    if typed[:1] == b"\x1b":
        return ESCAPE, typed[1:]
    for length in range(1, 5):  # of one character in UTF-8
        try:
            char = typed[:length].decode()
        except UnicodeDecodeError:
            continue
        return PLAIN.get(char, char), typed[length:]
    return "", typed[1:]
