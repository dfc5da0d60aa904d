"""A match line by line, for pipes, files and terminals that cannot do more."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from arena.untrusted import escaped_line, terminal_text
from arena.views.terminal.drawing import draw, legend
from arena.views.terminal.frames import Frame, Replay, frame
from arena.views.terminal.layout import LONGEST_NAME, verdict
from arena_games.base import points

LONGEST_TEXT = 2_000  # characters of a text that are printed


class PlainPrinter:
    """Prints frames one after another; with a speed, so many a second."""

    def __init__(self, console: Console, speed: float | None = None) -> None:
        self._console = console
        self._pause_s = 1.0 / speed if speed else 0.0

    def title(self, text: str) -> None:
        self._print(Text(escaped_line(text, 400), style="bold"))

    def print(self, replay: Replay, position: int) -> None:
        """Print the frame at `position`."""
        shown = frame(replay, position)
        self._print(Text())
        if replay.over and position == replay.last:
            self._print_end(replay, shown)
        else:
            self._print_step(replay, shown)
            self._console.file.flush()
            time.sleep(self._pause_s)

    def _print_step(self, replay: Replay, shown: Frame) -> None:
        player = "" if shown.seat is None else escaped_line(replay.episode.players[shown.seat], LONGEST_NAME)
        turn = 0 if shown.observation is None else shown.observation.turn
        self._print(
            Text(f"--- move {shown.position + 1}: seat {(shown.seat or 0) + 1}, {player}, turn {turn + 1}")
        )
        self._print_board(shown)
        if shown.observation is not None:
            self._print(_indented("sees", terminal_text(shown.observation.text, LONGEST_TEXT)))
        if shown.reply is not None:
            self._print(_indented("says", terminal_text(shown.reply, LONGEST_TEXT)))
        for line in verdict(shown):
            self._print(line)
        self._print(Text(_returns(replay, shown)))

    def _print_end(self, replay: Replay, shown: Frame) -> None:
        self._print(Text("--- end"))
        if replay.closing is not None:
            self._print_board(shown)
        for line in verdict(shown):
            self._print(line)
        self._print(Text(_returns(replay, shown)))
        if replay.notice:
            self._print(Text(escaped_line(replay.notice, 400), style="yellow"))

    def _print_board(self, shown: Frame) -> None:
        drawing = draw(shown.board) if shown.board else None
        if drawing is not None and shown.board is not None:
            self._print(drawing)
            self._print(Text(legend(shown.board), style="dim"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _indented(label: str, text: Text) -> Text:
    lines = [Text.assemble("  | ", line) for line in text.split("\n", allow_blank=True)]
    return Text("\n").join([Text(f"{label}:"), *lines])


def _returns(replay: Replay, shown: Frame) -> str:
    named = zip(replay.episode.players, shown.returns, strict=True)
    return "returns: " + ", ".join(
        f"{escaped_line(player, LONGEST_NAME)} {points(total)}" for player, total in named
    )


def survive_any_character() -> None:
    """What the output's encoding lacks is spelled out instead of an error."""
    reconfigure: Callable[..., None] | None = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
