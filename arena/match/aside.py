"""What a game prints goes aside, to the error stream: it is not what a command was asked for."""

from __future__ import annotations

import sys
import threading
from typing import Any, TextIO


class _Here(threading.local):
    """How many games' code this thread is in, one within the other."""

    games = 0


_here = _Here()


class _Output:
    """Standard output, from which the words of those threads go aside that are in a game's code.

    `sys.stdout` is one for all threads, and a match that is watched is played beside the one that shows it.
    So it is replaced once, for good, and asks who writes; taking it back and forth would take along what the
    other threads print meanwhile.
    """

    def __init__(self, shown: TextIO) -> None:
        self._shown = shown

    def write(self, text: str) -> int:
        return self._stream().write(text)

    def flush(self) -> None:
        self._stream().flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)

    def _stream(self) -> TextIO:
        return sys.stderr if _here.games else self._shown


class _PrintsAside:
    """What a thread prints within goes to `sys.stderr`. One object: quick games take 10 µs a step."""

    def __enter__(self) -> None:
        if type(sys.stdout) is not _Output and sys.stdout is not None:
            sys.stdout = _Output(sys.stdout)
        _here.games += 1

    def __exit__(self, *_: object) -> None:
        _here.games -= 1


prints_aside = _PrintsAside()
