"""The loop that shows a match and listens to the keyboard, until the viewer has had enough."""

from __future__ import annotations

import io
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.live import Live

from arena.untrusted import terminal_text
from arena.views.terminal.frames import Replay
from arena.views.terminal.keys import Keyboard
from arena.views.terminal.layout import Caption, screen

LOOK_EVERY_S = 0.05
LONGEST_REMARK = 2_000  # characters that agents print beside their replies


class Source(Protocol):
    """Where a replay comes from."""

    def replay(self) -> Replay:
        """The match as far as it is known. Raises what went wrong with it."""

    def want(self, position: int) -> None:
        """The viewer would like to see the decision at this position: a match being played waits for that."""


class Viewer(Protocol):
    """Who decides which frame is shown: a replay's controls, or a human's seat."""

    shows_replies: bool
    position: int
    done: bool

    @property
    def wanted(self) -> int:
        """The decision that a match being played should go on to."""

    @property
    def status(self) -> str: ...

    @property
    def keys(self) -> str: ...

    def press(self, key: str, replay: Replay) -> None: ...

    def tick(self, now: float, replay: Replay) -> None: ...


def show(source: Source, viewer: Viewer, title: str) -> None:
    """Show the replay on the whole terminal until the viewer is done.

    The terminal is restored on return, on an exception, on Ctrl-C and on SIGTERM.
    """
    console = Console(file=sys.stdout)
    with (
        _terminated_politely(),
        Keyboard() as keyboard,
        _remarks_kept(),
        Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live,
    ):
        drawn: object = None
        while not viewer.done:
            viewer.tick(time.monotonic(), source.replay())
            source.want(viewer.wanted)
            replay = source.replay()
            caption = Caption(title, viewer.status, viewer.keys, viewer.shows_replies)
            width, height = console.size
            now = (replay, viewer.position, caption, width, height)
            if now != drawn:
                live.update(screen(replay, viewer.position, caption, width), refresh=True)
                drawn = now
            key = keyboard.read(LOOK_EVERY_S)
            if key is not None:
                viewer.press(key, replay)


@contextmanager
def _terminated_politely() -> Iterator[None]:
    """SIGTERM ends the program like an exit, so that the terminal is left in order."""

    def leave(number: int, where: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _remarks_kept() -> Iterator[None]:
    """What agents print would tear the picture: it is kept, and its beginning shown afterwards."""
    said = _Remarks()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            yield
    finally:
        if text := said.getvalue().strip():
            print(terminal_text(text, LONGEST_REMARK).plain, file=sys.stderr)


class _Remarks(io.StringIO):
    """Text up to a limit; what comes after it is lost."""

    def write(self, text: str) -> int:
        room = LONGEST_REMARK - self.tell()
        super().write(text[: max(0, room)])
        return len(text)
