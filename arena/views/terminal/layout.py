"""A frame that fills the terminal, whatever its size: board and seats on the left, texts on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from arena.untrusted import NOTE_STYLE, escaped_line, terminal_text
from arena.views.terminal.drawing import draw, legend, seat_style
from arena.views.terminal.frames import Frame, Replay, frame
from arena_games.base import points
from arena_games.board import SYMBOL_WIDTH

LONGEST_TEXT = 6_000  # characters of a text that are looked at: more fits on no screen
LONGEST_REMARK = 4_000
LONGEST_NAME = 60
NARROW, WIDE = 60, 120  # columns: below, the observation is left out; from there, the reply stands beside it
LEFT, LEFT_IF_WIDE = 26, 40  # columns, at least
MOVE_LINES = 3
LOW, SHORT = 5, 90  # lines of a low panel, and the characters of a reply that fits it
DIM = "dim"


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands around a frame: which match, how it plays, the keys; and whether replies show."""

    title: str
    status: str
    keys: str
    replies: bool = True


def screen(replay: Replay, position: int, caption: Caption, width: int) -> Layout:
    """The whole screen. It fits any height; `width` decides what stands where."""
    shown = frame(replay, position)
    layout = Layout()
    layout.split_column(
        Layout(_header(replay, position, caption), size=1),
        _body(replay, shown, width, caption.replies),
        Layout(_footer(replay, caption), size=1),
    )
    return layout


def _header(replay: Replay, position: int, caption: Caption) -> RenderableType:
    end = "?" if not replay.over else str(replay.last)
    at_end = replay.over and position == replay.last
    right = "end" if at_end else f"move {position + 1}/{end}  {caption.status}"
    return _Ends(escaped_line(caption.title, 200), right, "bold")


def _footer(replay: Replay, caption: Caption) -> Text:
    if replay.notice:
        return Text(escaped_line(replay.notice, 300), style="yellow", no_wrap=True, overflow="ellipsis")
    return Text(caption.keys, style=DIM, no_wrap=True, overflow="ellipsis")


def _body(replay: Replay, shown: Frame, width: int, replies: bool) -> Layout:
    body = Layout()
    if width < NARROW:
        height = len(replay.episode.players) + (len(shown.board.rows) + 2 if shown.board else 0)
        board = Layout(_left(replay, shown, width), size=height)
        body.split_column(board, Layout(_reply(shown)), _move(shown))
        return body
    columns = SYMBOL_WIDTH * shown.board.width + 4 if shown.board else 0
    left = min(max(LEFT_IF_WIDE if width >= WIDE else LEFT, columns), width // 2)
    right = Layout()
    texts = Layout(ratio=3)
    parts = [Layout(_observation(replay, shown), ratio=2)]
    if replies:
        low = width < WIDE and _short_replies(replay)
        parts.append(Layout(_reply(shown), size=LOW if low else None, minimum_size=LOW))
    (texts.split_row if width >= WIDE else texts.split_column)(*parts)
    right.split_column(texts, _move(shown))
    body.split_row(Layout(_left(replay, shown, left), size=left), right)
    return body


def _short_replies(replay: Replay) -> bool:
    """Whether all replies fit a low panel, so that the observations may have the room."""
    return all(
        len(step.reply.text) <= SHORT and step.reply.text.count("\n") < LOW - 2
        for step in replay.episode.steps
    )


def _left(replay: Replay, shown: Frame, width: int) -> Layout:
    left = Layout()
    drawing = draw(shown.board) if shown.board else None
    seats = Layout(_Lines(_seats(replay, shown), overflow=True))
    if drawing is None or shown.board is None:
        left.update(seats)
        return left
    board = Panel(drawing, border_style=DIM, width=min(width, SYMBOL_WIDTH * shown.board.width + 4))
    left.split_column(Layout(board, size=len(shown.board.rows) + 2), seats)
    return left


def _seats(replay: Replay, shown: Frame) -> list[Text]:
    lines = []
    for seat, (player, total) in enumerate(zip(replay.episode.players, shown.returns, strict=True)):
        mark = Text.assemble((f" {seat + 1} ", seat_style(seat, strong=seat == shown.seat)))
        line = Text.assemble(">" if seat == shown.seat else " ", mark, f" {points(total)} ", no_wrap=True)
        line.append(escaped_line(player, LONGEST_NAME), "bold" if seat == shown.seat else "")
        lines.append(line)
    if shown.board and shown.board.legend:
        lines += [Text(), Text(legend(shown.board), style=DIM)]
    return lines


def _observation(replay: Replay, shown: Frame) -> Panel:
    text = shown.observation.text if shown.observation else ""
    return _panel(_observer(replay, shown), terminal_text(text, LONGEST_TEXT))


def _observer(replay: Replay, shown: Frame) -> str:
    if shown.seat is None or shown.observation is None:
        return "observation"
    player = escaped_line(replay.episode.players[shown.seat], LONGEST_NAME)
    return f"seen by {player}, turn {shown.observation.turn + 1}"


def _reply(shown: Frame) -> Panel:
    return _panel("reply", Text() if shown.reply is None else terminal_text(shown.reply, LONGEST_TEXT))


def _move(shown: Frame) -> Layout:
    return Layout(_Lines(list(verdict(shown)), overflow=True), size=MOVE_LINES)


def verdict(shown: Frame) -> list[Text]:
    """What was made of a reply and what it earned, or what came of the match."""
    if shown.action is None:
        return [Text(escaped_line(shown.state, 400), style="bold")]
    action = escaped_line(shown.action, LONGEST_NAME)
    if shown.invalid is None:
        lines = [Text.assemble("plays ", (action, "bold"))]
    else:
        reason = escaped_line(shown.invalid, 200)
        lines = [
            Text.assemble(("invalid", "bold red"), f": {reason}; plays ", (action, "bold"), " at random")
        ]
    paid = "reward not yet known" if shown.reward is None else f"reward {points(shown.reward)}"
    if shown.remark:
        lines.append(Text(escaped_line(shown.remark, LONGEST_REMARK)))
    return [*lines, Text(f"{paid}, {shown.seconds:.2f} s", style=DIM)]


def _panel(title: str, text: Text) -> Panel:
    return Panel(_Lines(list(text.split("\n"))), title=Text(title), title_align="left", border_style=DIM)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of text, wrapped to the width and cut to the height that there is."""

    lines: Sequence[Text]
    overflow: bool = False  # cut silently

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        wrapped: list[Text] = []
        for line in self.lines:
            if line.no_wrap:
                line.truncate(options.max_width, overflow="ellipsis")
            wrapped += line.wrap(console, options.max_width, overflow="fold") or [Text()]
        yield from wrapped[:height] if self.overflow else cut_to(wrapped, height)


@dataclass(frozen=True, slots=True)
class _Ends:
    """One line with a text at each end; the left one gives way."""

    left: str
    right: str
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(0, options.max_width - len(self.right) - 2)
        left = Text(self.left)
        left.truncate(room, overflow="ellipsis", pad=True)
        yield Text.assemble(left, "  ", self.right, style=self.style, no_wrap=True, overflow="crop")


def cut_to(lines: list[Text], height: int) -> list[Text]:
    """At most `height` lines; the last of them says how many are missing."""
    if len(lines) <= height:
        return lines
    kept = max(0, height - 1)
    return [*lines[:kept], Text(f"… {len(lines) - kept:,} more lines", NOTE_STYLE)][:height]
