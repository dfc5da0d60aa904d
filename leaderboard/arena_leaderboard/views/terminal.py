"""The leaderboard in a terminal: overall first, then a compact table per game, side by side where they fit.

What fits decides what is shown: rank, name, rating and interval always, the rest as the width allows.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, Group, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.standings import Leaderboard, Standing
from arena_leaderboard.views import cells
from arena_leaderboard.views.cells import ASCII, UNICODE, Glyphs
from arena_leaderboard.views.export import render_csv, render_json, render_markdown

__all__ = ["render_csv", "render_json", "render_markdown", "render_rich"]

SLOT = 76  # the narrowest place for a game's table beside another, in characters
GAP = 4  # between tables side by side
LONGEST_NAME = 32
SHORTEST_NAME = 8
SHORTEST_BAR, LONGEST_BAR = 16, 48


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of numbers, shown in tables of `from_width` to `to_width` characters."""

    heading: str | Text
    cell: Callable[[Standing, Glyphs], Text]
    min_width: int
    from_width: int = 0
    to_width: int = 10_000
    justify: JustifyMethod = "right"


RATING = (
    _Column("rating", cells.rating_cell, 6),
    _Column("95% interval", cells.interval_cell, 12, justify="left"),
)
NUMBERS = (
    _Column("return", cells.return_cell, 6, 54, 89),
    _Column("return", cells.return_interval_cell, 10, 90),
    _Column("success", cells.success_cell, 7, 63),
    _Column("invalid", cells.invalid_cell, 7, 72),
)
CLEAN = (
    _Column("clean", cells.clean_cell, 5, 76, 159),
    _Column("clean  95% interval", cells.clean_interval_cell, 18, 160, justify="left"),
)
AT_FIRST = _Column("at first", cells.first_invalid_cell, 8, 80)
FORFEITS = _Column("forfeits", cells.forfeits_cell, 8, 90)
ERRORS = _Column("errors", cells.errors_cell, 6, 46)
DETAILS = (
    _Column("matches", cells.matches_cell, 7, 100),
    _Column("moves/s", cells.speed_cell, 7, 120),
)


def render_rich(leaderboard: Leaderboard, console: Console) -> None:
    """Print the leaderboard to `console`, as wide as it is; names are shown, never interpreted."""
    if not leaderboard.overall:
        console.print("No matches yet.")
        return
    glyphs = ASCII if console.options.ascii_only else UNICODE
    overall = _overall(leaderboard.overall, console, glyphs)
    games = _side_by_side(leaderboard, console, glyphs)
    console.print(Group(overall, Text(), *games, _legend(leaderboard, glyphs)))


def _overall(rows: Sequence[Standing], console: Console, glyphs: Glyphs) -> Table:
    title = Text(f"Overall {glyphs.dash} games weigh equally")
    after = [*NUMBERS, *_troubles(rows), *DETAILS]
    plain = _table(title, rows, [*RATING, *after], console, console.width, glyphs)
    room = console.width - _natural_width(plain, console) - 2
    if room < SHORTEST_BAR:
        return plain
    axis = Axis.around(rows, min(room, LONGEST_BAR))
    bar = _Column(axis.heading(), lambda s, g: axis.bar(s.rating, g), axis.width, justify="left")
    return _table(title, rows, [*RATING, bar, *after], console, console.width, glyphs)


def _side_by_side(leaderboard: Leaderboard, console: Console, glyphs: Glyphs) -> list[Table | Text]:
    """The games' tables in rows of as many as fit, a blank line after each row."""
    across = max(1, min(len(leaderboard.games), (console.width + GAP) // (SLOT + GAP)))
    width = (console.width + GAP) // across - GAP
    tables = [_of_game(game, leaderboard, console, width, glyphs) for game in leaderboard.games]
    lines: list[Table | Text] = []
    for start in range(0, len(tables), across):
        grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for _ in range(across):
            grid.add_column(width=width)
        grid.add_row(*tables[start : start + across])
        lines += [grid, Text()]
    return lines


def _of_game(game: str, leaderboard: Leaderboard, console: Console, width: int, glyphs: Glyphs) -> Group:
    rows = leaderboard.games[game]
    columns = [*RATING, *NUMBERS, *_troubles(rows)]
    table = _table(cells.name_cell(game, glyphs), rows, columns, console, width, glyphs)
    effects = leaderboard.seats.get(game)
    return Group(table, cells.seats_line(effects, glyphs)) if effects else Group(table)


def _troubles(rows: Sequence[Standing]) -> list[_Column]:
    """The columns that are only shown where they have something to tell."""
    clean = CLEAN if any(standing.clean for standing in rows) else ()
    at_first = [AT_FIRST] if any(standing.asked_again for standing in rows) else []
    forfeits = [FORFEITS] if any(standing.forfeits for standing in rows) else []
    return [*at_first, *clean, *forfeits, *([ERRORS] if _any_errors(rows) else [])]


def _table(
    title: Text,
    rows: Sequence[Standing],
    columns: Sequence[_Column],
    console: Console,
    width: int,
    glyphs: Glyphs,
) -> Table:
    """One table of at most `width` characters, as far as the names can be shortened."""
    shown = [column for column in columns if column.from_width <= width <= column.to_width]
    title.stylize("bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("#", justify="right", no_wrap=True, min_width=3)
    table.add_column("agent", no_wrap=True, overflow="crop" if glyphs is ASCII else "ellipsis")
    for column in shown:
        table.add_column(column.heading, justify=column.justify, no_wrap=True, min_width=column.min_width)
    for rank, standing in enumerate(rows, start=1):
        name = cells.name_cell(standing.agent, glyphs, "bold" if rank == 1 else "")
        numbers = [column.cell(standing, glyphs) for column in shown]
        table.add_row(cells.rank_cell(rank, standing, glyphs), name, *numbers)
    _shorten_names(table, rows, console, width, glyphs)
    return table


def _shorten_names(
    table: Table, rows: Sequence[Standing], console: Console, width: int, glyphs: Glyphs
) -> None:
    longest = max(cells.name_cell(standing.agent, glyphs).cell_len for standing in rows)
    excess = max(0, _natural_width(table, console) - width)
    table.columns[1].width = max(SHORTEST_NAME, min(longest - excess, LONGEST_NAME))


def _natural_width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def _any_errors(rows: Sequence[Standing]) -> bool:
    return any(standing.errors for standing in rows)


def _legend(leaderboard: Leaderboard, glyphs: Glyphs) -> Text:
    legend = f"{glyphs.tied} not separable: the 95% interval of the rank above's lead holds 0."
    if any(standing.clean for standing in leaderboard.overall):
        legend += "\nclean: the rating over the matches in which nobody gave an invalid reply."
    if any(standing.asked_again for standing in leaderboard.overall):
        legend += "\nat first: decisions whose first reply was invalid; then the agent was asked again."
    if leaderboard.seats:
        legend += "\nby seat: the share of the other seats left behind (95% interval); 50% is even."
    if _any_errors(leaderboard.overall):
        legend += "\nerrors: matches that the agent's crash or deadline ended; they are not rated."
    return Text(legend, style="dim")


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


COLUMNS = 100


# Rich's frame fetches its font from a server. Any monospaced font does, as each piece of text is set to
# its length.
_FETCHED_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def render_svg(leaderboard: Leaderboard, *, title: str = "arena leaderboard", columns: int = COLUMNS) -> str:
    """The leaderboard as `render_rich` prints it on a terminal of so many columns; it fetches nothing."""
    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    render_rich(leaderboard, console)
    return _FETCHED_FONT.sub("", console.export_svg(title=title, unique_id="arena"))
