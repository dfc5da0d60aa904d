"""Where a viewer is in a replay, and what the keys do to that. Knows no terminal and no clock."""

from __future__ import annotations

from arena.views.terminal.frames import Replay

SLOWEST, FASTEST = 0.25, 32.0  # frames a second, by the keys
FORWARD = ("right", "enter", "n", "l")
BACK = ("left", "backspace", "b", "h")
QUIT = ("q", "Q", "escape", "end of input")


class ReplayControls:
    """A position in a replay, which grows while its match is played.

    Times are seconds of any one clock. A frame is shown for 1 / `speed` from when it was complete.
    """

    shows_replies = True
    keys = "space pause/play   ←/→ step   1-9 + - speed   home/end   q quit"

    def __init__(self, *, position: int = 0, speed: float = 2.0, playing: bool = True) -> None:
        self.position = position
        self.speed = min(speed, FASTEST)
        self.playing = playing
        self.done = False
        self._shown = (-1, -1)
        self._since = 0.0

    @property
    def wanted(self) -> int:
        """A match being played goes on to what is looked at."""
        return self.position

    @property
    def status(self) -> str:
        return f"{'playing' if self.playing else 'paused'}, {self.speed:g}/s"

    def press(self, key: str, replay: Replay) -> None:
        """Do what a key means; unknown ones mean nothing. After the end of a match, playing starts anew."""
        last = replay.last
        if key in QUIT:
            self.done = True
        elif key in ("space", "p"):
            self._toggle(replay.over and self.position == last)
        elif key in (*FORWARD, *BACK):
            self.playing = False
            self.position = min(max(self.position + (1 if key in FORWARD else -1), 0), last)
        elif key in ("home", "g"):
            self.position = 0
        elif key in ("end", "G"):
            self.position = last
        else:
            self._set_speed(key)

    def tick(self, now: float, replay: Replay) -> None:
        """Move on to the next frame if it is time. Call it often."""
        last = replay.last
        self.position = min(self.position, last)
        shown = (self.position, min(self.position, last - 1))  # the last frame may yet be completed
        if shown != self._shown:
            self._shown, self._since = shown, now
        elif self.playing and self.position < last and now - self._since >= 1.0 / self.speed:
            self.position += 1
            self._shown, self._since = (self.position, min(self.position, last - 1)), now

    def _toggle(self, at_the_end: bool) -> None:
        if at_the_end:
            self.position = 0
        self.playing = at_the_end or not self.playing

    def _set_speed(self, key: str) -> None:
        factor = {"+": 2.0, "=": 2.0, "-": 0.5, "_": 0.5}.get(key)
        if factor is not None:
            self.speed = min(max(self.speed * factor, SLOWEST), FASTEST)
        elif key in tuple("123456789"):
            self.speed = float(key)
