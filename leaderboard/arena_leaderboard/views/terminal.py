"""The leaderboard in a terminal: overall first, then a compact table per game, side by side where they fit.

What fits decides what is shown: rank, name, rating and interval always, the rest as the width allows.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, Group, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from arena_leaderboard.model.ratings import LEVEL
from arena_leaderboard.standing import Standing
from arena_leaderboard.standings import Leaderboard
from arena_leaderboard.views import cells
from arena_leaderboard.views.axis import Axis
from arena_leaderboard.views.cells import ASCII, UNICODE, Glyphs
from arena_leaderboard.views.numbers import percent

SLOT = 76  # the narrowest place for a game's table beside another, in characters
GAP = 4  # between tables side by side
LONGEST_NAME = 32
MOST_NAMED = 8  # in a line of the legend
RANKS_FROM = 88  # characters of a table's place
MEANS_FROM = 136
SHORTEST_NAME = 8
SHORTEST_BAR, LONGEST_BAR = 16, 48
PICTURE_COLUMNS = 100

WEIGHED = {
    "game": "games weigh equally",
    "family": "families of games weigh equally",
    "match": "matches weigh equally",
}

# Rich's frame fetches its font from a server. Any monospaced font does, as each piece of text is set to
# its length.
_FETCHED_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of numbers, shown in tables of `from_width` to `to_width` characters."""

    heading: str | Text
    cell: Callable[[Standing, Glyphs], Text]
    min_width: int
    from_width: int = 0
    to_width: int = 10_000
    justify: JustifyMethod = "right"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table goes: `width` characters of a console, and the characters that it can print."""

    console: Console
    width: int
    glyphs: Glyphs

    def natural_width(self, table: Table) -> int:
        """The characters that a table would take if it could."""
        return Measurement.get(self.console, self.console.options.update(max_width=10_000), table).maximum


RATING = (
    _Column("ranks", cells.ranks_cell, 5, RANKS_FROM),
    _Column("rating", cells.rating_cell, 6),
    _Column("95% interval", cells.interval_cell, 12, justify="left"),
)
NUMBERS = (
    _Column("return", cells.return_cell, 6, 54, 89),
    _Column("return", cells.return_interval_cell, 10, 90),
    _Column("success", cells.success_cell, 7, 63, 109),
    _Column("success", cells.success_interval_cell, 13, 110),
    _Column("invalid", cells.invalid_cell, 7, 72),
)
CLEAN = (
    _Column("clean", cells.clean_cell, 5, 76, 159),
    _Column("clean  95% interval", cells.clean_interval_cell, 18, 160, justify="left"),
)
GAMES_MEAN = (
    _Column("of games", cells.games_mean_cell, 8, MEANS_FROM, 189),
    _Column("of games  95% interval", cells.games_mean_interval_cell, 21, 190, justify="left"),
)
AT_FIRST = _Column("at first", cells.first_invalid_cell, 8, 80)
FORFEITS = _Column("forfeits", cells.forfeits_cell, 8, 46)
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
    place = _Place(console, console.width, ASCII if console.options.ascii_only else UNICODE)
    games = _side_by_side(leaderboard, place)
    console.print(Group(_overall(leaderboard, place), Text(), *games, _legend(leaderboard, place)))


def render_svg(
    leaderboard: Leaderboard, *, title: str = "arena leaderboard", columns: int = PICTURE_COLUMNS
) -> str:
    """The leaderboard as `render_rich` prints it on a terminal of so many columns; it fetches nothing."""
    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    render_rich(leaderboard, console)
    return _FETCHED_FONT.sub("", console.export_svg(title=title, unique_id="arena"))


def _overall(leaderboard: Leaderboard, place: _Place) -> Table:
    rows = leaderboard.overall
    title = Text(f"Overall {place.glyphs.dash} {WEIGHED[leaderboard.weights]}")
    means = GAMES_MEAN if any(standing.games_mean for standing in rows) else ()
    after = [*means, *NUMBERS, *_troubles(rows), *DETAILS]
    plain = _table(title, rows, [*RATING, *after], place)
    room = place.width - place.natural_width(plain) - 2
    if room < SHORTEST_BAR:
        return plain
    axis = Axis.around(rows, min(room, LONGEST_BAR))
    bar = _Column(axis.heading(), lambda s, g: axis.bar(s.rating, g), axis.width, justify="left")
    return _table(title, rows, [*RATING, bar, *after], place)


def _side_by_side(leaderboard: Leaderboard, place: _Place) -> list[Table | Text]:
    """The games' tables in rows of as many as fit, a blank line after each row."""
    across = max(1, min(len(leaderboard.games), (place.width + GAP) // (SLOT + GAP)))
    slot = replace(place, width=(place.width + GAP) // across - GAP)
    tables = [_of_game(game, leaderboard, slot) for game in leaderboard.games]
    lines: list[Table | Text] = []
    for start in range(0, len(tables), across):
        grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for _ in range(across):
            grid.add_column(width=slot.width)
        grid.add_row(*tables[start : start + across])
        lines += [grid, Text()]
    return lines


def _of_game(game: str, leaderboard: Leaderboard, place: _Place) -> Group:
    rows = leaderboard.games[game]
    columns = [*RATING, *NUMBERS, *_troubles(rows)]
    table = _table(cells.name_cell(game, place.glyphs), rows, columns, place)
    effects = leaderboard.seats.get(game)
    return Group(table, cells.seats_line(effects, place.glyphs)) if effects else Group(table)


def _troubles(rows: Sequence[Standing]) -> list[_Column]:
    """The columns that are only shown where they have something to tell."""
    clean = CLEAN if any(standing.clean for standing in rows) else ()
    at_first = [AT_FIRST] if any(standing.asked_again for standing in rows) else []
    forfeits = [FORFEITS] if any(standing.forfeits for standing in rows) else []
    return [*at_first, *clean, *forfeits, *([ERRORS] if _any_errors(rows) else [])]


def _table(title: Text, rows: Sequence[Standing], columns: Sequence[_Column], place: _Place) -> Table:
    """One table that fits its place, as far as names can be shortened.

    Where that would make two agents' names the same, the last columns give way to them.
    """
    title.stylize("bold")
    shown = [column for column in columns if column.from_width <= place.width <= column.to_width]
    table = _of_columns(title, rows, shown, place)
    while len(shown) > len(RATING) and _cut_alike(table, rows, place):
        table = _of_columns(title, rows, shown := shown[:-1], place)
    return table


def _of_columns(title: Text, rows: Sequence[Standing], shown: Sequence[_Column], place: _Place) -> Table:
    glyphs = place.glyphs
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
    _shorten_names(table, rows, place)
    return table


def _shorten_names(table: Table, rows: Sequence[Standing], place: _Place) -> None:
    longest = max(cells.name_cell(standing.agent, place.glyphs).cell_len for standing in rows)
    excess = max(0, place.natural_width(table) - place.width)
    table.columns[1].width = max(SHORTEST_NAME, min(longest - excess, LONGEST_NAME))


def _cut_alike(table: Table, rows: Sequence[Standing], place: _Place) -> bool:
    """Whether two names look the same at the width that is left to them, and would not at the longest."""

    def different(width: int) -> int:
        names = [cells.name_cell(standing.agent, place.glyphs) for standing in rows]
        for name in names:
            name.truncate(width, overflow="ellipsis")
        return len({name.plain for name in names})

    return different(table.columns[1].width or LONGEST_NAME) < different(LONGEST_NAME)


def _any_open(leaderboard: Leaderboard) -> bool:
    return any(row.rating and None in row.rating.ends for rows in _tables(leaderboard) for row in rows)


def _any_errors(rows: Sequence[Standing]) -> bool:
    return any(standing.errors for standing in rows)


def _tables(leaderboard: Leaderboard) -> list[Sequence[Standing]]:
    return [leaderboard.overall, *leaderboard.games.values()]


def _legend(leaderboard: Leaderboard, place: _Place) -> Text:
    glyphs = place.glyphs
    level = percent(leaderboard.level, 0 if leaderboard.level == LEVEL else 2)
    legend = f"{glyphs.tied} not separable: the {level} interval of the rank above's lead holds 0."
    legend += _in_fewer_games(leaderboard, glyphs)
    if place.width >= RANKS_FROM:
        legend += f"\nranks: those left open at {level} when all are compared with all (Holm)."
    if place.width >= MEANS_FROM and any(standing.games_mean for standing in leaderboard.overall):
        legend += "\nof games: the plain mean of the ratings in the games."
    if any(standing.clean for standing in leaderboard.overall):
        legend += "\nclean: the rating over the matches in which nobody gave an invalid reply or forfeited."
    if any(row.clean_is_a_selection for rows in _tables(leaderboard) for row in rows):
        legend += (
            "\n*: a tenth or more of its matches are left out: who fails when about to lose looks better so."
        )
    if _any_open(leaderboard):
        legend += f"\n{glyphs.least} {glyphs.most}: it lost, or won, too rarely to say how far off it is."
    if any(standing.asked_again for standing in leaderboard.overall):
        legend += "\nat first: decisions whose first reply was invalid; then the agent was asked again."
    if leaderboard.seats:
        legend += "\nby seat: the share of the other seats left behind (95% interval); 50% is even."
    if any(standing.forfeits for standing in leaderboard.overall):
        legend += (
            "\nforfeits: matches lost by the agent's own crash, deadline or invalid replies; rated, as last."
        )
    if _any_errors(leaderboard.overall):
        legend += "\nerrors: matches that a failure outside the agent ended; they are not rated."
    return Text(legend, style="dim")


def _in_fewer_games(leaderboard: Leaderboard, glyphs: Glyphs) -> str:
    """A line on those whose overall rating is of some games only; empty if there are none."""
    fewer = leaderboard.in_fewer_games()
    said = []
    for agent, count in list(fewer.items())[:MOST_NAMED]:
        name = cells.name_cell(agent, glyphs)
        name.truncate(LONGEST_NAME)
        said.append(f"{name.plain} in {count}")
    said += [f"{len(fewer) - MOST_NAMED} more"] * (len(fewer) > MOST_NAMED)
    every = len(leaderboard.games)
    return f"\nNot in all {every} games, and rated by those alone: {', '.join(said)}." if fewer else ""
