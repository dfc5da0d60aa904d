"""Intervals drawn with characters, all on one axis."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.standings import Standing
from arena_leaderboard.views.cells import Glyphs


@dataclass(frozen=True, slots=True)
class Axis:
    """`width` characters from rating `low` to rating `high`."""

    low: float
    high: float
    width: int

    @classmethod
    def around(cls, rows: Iterable[Standing], width: int) -> "Axis":
        """The axis that holds every row's interval."""
        rated = [standing.rating for standing in rows if standing.rating]
        low = min((rating.low for rating in rated), default=0.0)
        return cls(low, max((rating.high for rating in rated), default=low), width)

    def heading(self) -> Text:
        """The axis' ends, left and right."""
        low, high = f"{self.low:.0f}", f"{self.high:.0f}"
        return Text(low + high.rjust(self.width - len(low)), style="dim")

    def bar(self, rating: Rating | None, glyphs: Glyphs) -> Text:
        """The interval as a line with the mean on it; blank where there is no rating."""
        if rating is None:
            return Text(" " * self.width)
        low, mean, high = (self._column(value) for value in (rating.low, rating.mean, rating.high))
        below = glyphs.left + glyphs.line * (mean - low - 1) if low < mean else ""
        above = glyphs.line * (high - mean - 1) + glyphs.right if mean < high else ""
        after = " " * (self.width - 1 - high)
        return Text.assemble(" " * low, (below, "dim"), (glyphs.mean, "bold cyan"), (above, "dim"), after)

    def _column(self, value: float) -> int:
        span = self.high - self.low
        return round((value - self.low) / span * (self.width - 1)) if span > 0 else self.width // 2
