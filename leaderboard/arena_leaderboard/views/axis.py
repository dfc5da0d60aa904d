"""Intervals drawn with characters, all on one axis."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.standing import Standing
from arena_leaderboard.views.cells import Glyphs

MORE = 0.15  # of the axis, beyond all known ends where one is open


@dataclass(frozen=True, slots=True)
class Axis:
    """`width` characters from rating `low` to rating `high`."""

    low: float
    high: float
    width: int

    @classmethod
    def around(cls, rows: Iterable[Standing], width: int) -> "Axis":
        """The axis that holds every row's interval, of open ones as much as is known and some more."""
        rated = [standing.rating for standing in rows if standing.rating]
        ends = [end for rating in rated for end in (*rating.ends, rating.mean) if end is not None]
        low, high = min(ends, default=0.0), max(ends, default=0.0)
        more = max(MORE * (high - low), 1.0)
        low -= more * any(rating.low == -math.inf for rating in rated)
        return cls(low, high + more * any(rating.high == math.inf for rating in rated), width)

    def heading(self) -> Text:
        """The axis' ends, left and right."""
        low, high = f"{self.low:.0f}", f"{self.high:.0f}"
        return Text(low + high.rjust(self.width - len(low)), style="dim")

    def bar(self, rating: Rating | None, glyphs: Glyphs) -> Text:
        """The interval as a line with the mean on it, an open end marked; blank where there is no rating."""
        if rating is None:
            return Text(" " * self.width)
        low, mean, high = (self._column(value) for value in (rating.low, rating.mean, rating.high))
        left = glyphs.from_below if rating.low == -math.inf else glyphs.left
        right = glyphs.on_above if rating.high == math.inf else glyphs.right
        below = left + glyphs.line * (mean - low - 1) if low < mean else ""
        above = glyphs.line * (high - mean - 1) + right if mean < high else ""
        after = " " * (self.width - 1 - high)
        return Text.assemble(" " * low, (below, "dim"), (glyphs.mean, "bold cyan"), (above, "dim"), after)

    def _column(self, value: float) -> int:
        span = self.high - self.low
        value = min(max(value, self.low), self.high)
        return round((value - self.low) / span * (self.width - 1)) if span > 0 else self.width // 2
