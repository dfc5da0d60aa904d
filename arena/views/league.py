"""A league to be looked at: ratings by version, the pay-off matrix as a heat map, cycles; as text and SVG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.files import write_json, write_output, write_text
from arena.record.league import LeagueTable
from arena.record.store import matches_folder
from arena.untrusted import escaped_name
from arena.views.circles import cycles_text, show_circles
from arena_games.base import UsageError
from arena_leaderboard import Rating, render_rich
from arena_leaderboard.views.axis import Axis
from arena_leaderboard.views.cells import ASCII, UNICODE
from arena_leaderboard.views.numbers import span

CELL = 5  # characters of a column of the matrix
BAR = 40  # of an interval
LOST, WON = (33, 102, 172), (178, 24, 43)  # the ends of the heat map's colours; white is even
UNMET = "–"


def show_payoff(folder: Path, *, svg: Path | None = None, as_json: bool = False) -> None:
    """Print who beats whom in a league or a tournament, and the cycles; draw the matrix too."""
    table = LeagueTable.read(folder)
    if svg is not None:
        write_output(svg, payoff_svg(table))
    if as_json:
        print(json.dumps(table.to_json(), indent=2))
        return
    console = Console()
    console.print(payoff_text(table, console.width))
    _show_circles(table, console)


def show_league(folder: Path, console: Console | None = None) -> None:
    """Print a league's leaderboard, its ratings by version, and the pay-off matrix."""
    console = console or Console()
    table = LeagueTable.read(folder)
    render_rich(table.board, console)
    console.print(ratings_text(table, ascii_only=console.options.ascii_only))
    console.print(payoff_text(table, console.width))
    _show_circles(table, console)


def _show_circles(table: LeagueTable, console: Console) -> None:
    if not table.circles.cycles:
        console.print(cycles_text(()))
    show_circles(table.circles, console)


def write_league(folder: Path) -> None:
    """Put `payoff.json`, `payoff.svg` and `rating.svg` beside a league's matches."""
    table, where = LeagueTable.read(folder), matches_folder(folder)
    write_json(where / "payoff.json", table.to_json())
    write_text(where / "payoff.svg", payoff_svg(table))
    write_text(where / "rating.svg", ratings_svg({folder.name: table}))


def show_ratings(folders: Sequence[Path], *, svg: Path | None = None, as_json: bool = False) -> None:
    """Print the rating curves of leagues, each with its intervals; draw them too.

    Raises UsageError for a run without versions in a league.
    """
    tables = {str(folder): LeagueTable.read(folder) for folder in folders}
    for name, table in tables.items():
        if not table.curves:
            raise UsageError(f"{name} has no versions in a league; try --metric eval/return")
    if svg is not None:
        write_output(svg, ratings_svg(tables))
    if as_json:
        print(json.dumps({"metric": "rating", "runs": {n: _points(t) for n, t in tables.items()}}, indent=2))
        return
    console = Console()
    for name, table in tables.items():
        console.print(Text(name, style="bold"))
        console.print(ratings_text(table, ascii_only=console.options.ascii_only))


def _points(table: LeagueTable) -> list[dict[str, Any]]:
    return [
        {"member": member, "step": step, "rating": rating.mean, "ci95": list(rating.ends)}
        for member, curve in table.curves.items()
        for step, rating in curve
    ]


def ratings_text(table: LeagueTable, *, ascii_only: bool = False) -> Table:
    """One row a version, in the order of entry, and the anchors above; each interval on one axis."""
    rows = table.board.overall
    rated = {row.agent: row.rating for row in rows if row.rating}
    axis, glyphs = Axis.around(rows, BAR), ASCII if ascii_only else UNICODE
    shown = Table(box=None, pad_edge=False)
    for heading in ("version", "rating", "95 %", "matches"):
        shown.add_column(heading, justify="left" if heading == "version" else "right", no_wrap=True)
    shown.add_column(axis.heading(), no_wrap=True)
    for agent in table.duels.agents:
        rating = rated[agent]
        interval = span(rating, " … ", glyphs.least, glyphs.most)
        shown.add_row(
            Text(escaped_name(agent)),
            f"{rating.mean:.0f}",
            interval,
            str(rating.matches),
            axis.bar(rating, glyphs),
        )
    return shown


def payoff_text(table: LeagueTable, width: int) -> Table:
    """The row's share of points against the column, in percent, as a heat map; columns that fit."""
    agents, duels = table.duels.agents, table.duels.overall
    longest = max((len(escaped_name(agent)) for agent in agents), default=0)
    fit = max(2, (width - longest - 6) // CELL)
    columns = list(range(len(agents)))
    if len(columns) > fit:
        columns = sorted({round(i * (len(agents) - 1) / (fit - 1)) for i in range(fit)})
    shown = Table(box=None, pad_edge=False, padding=0)
    shown.add_column("", no_wrap=True)
    for column in columns:
        shown.add_column(Text(_short(agents[column], column)), justify="right", min_width=CELL, no_wrap=True)
    for i, agent in enumerate(agents):
        cells = [_cell(duels.shares[i][j] if i != j else None, i == j) for j in columns]
        shown.add_row(Text(f"{_short(agent, i)} {escaped_name(agent)} "), *cells)
    return shown


def _short(agent: str, place: int) -> str:
    return str(place + 1)


def _cell(share: float | None, own: bool) -> Text:
    if share is None:
        return Text("" if own else UNMET, justify="right")
    red, green, blue = colour(share)
    return Text(
        f"{100 * share:>{CELL - 1}.0f} ", style=f"black on rgb({red},{green},{blue})", justify="right"
    )


def colour(share: float) -> tuple[int, int, int]:
    """From blue (0) over white (½) to red (1), light enough to be written on."""
    end, weight = (WON, 2 * share - 1) if share >= 0.5 else (LOST, 1 - 2 * share)
    mixed = [round(255 + 0.65 * weight * (part - 255)) for part in end]
    return mixed[0], mixed[1], mixed[2]


def payoff_svg(table: LeagueTable) -> str:
    """The matrix as SVG."""
    agents, duels = table.duels.agents, table.duels.overall
    size = max(3.0, 1.6 + 0.42 * len(agents))
    figure, axis = _figure(size + 1.2, size)
    for i in range(len(agents)):
        for j in range(len(agents)):
            share = duels.shares[i][j]
            if i == j or share is None:
                continue
            red, green, blue = colour(share)
            axis.add_patch(_square(j - 0.5, i - 0.5, f"#{red:02x}{green:02x}{blue:02x}"))
            axis.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=8)
    names = [escaped_name(agent, 24) for agent in agents]
    axis.set_xlim(-0.5, len(agents) - 0.5)
    axis.set_ylim(len(agents) - 0.5, -0.5)
    axis.set_xticks(range(len(agents)), names, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(agents)), names, fontsize=8)
    axis.set_aspect("equal")
    axis.set_title("share of points of the row against the column, %", fontsize=9)
    return _svg(figure)


def _square(x: float, y: float, fill: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, facecolor=fill, edgecolor="white")


def ratings_svg(tables: dict[str, LeagueTable]) -> str:
    """Each member's rating with its 95 % interval by update, and the anchors as lines."""
    figure, axis = _figure(7, 3.5)
    several = len(tables) > 1
    number = 0
    for name, table in tables.items():
        for member, curve in table.curves.items():
            label = f"{name} {member}" if several else member
            _band(axis, curve, f"C{number % 10}", label)
            number += 1
        versions = {f"{member}-{step:06d}" for member, curve in table.curves.items() for step, _ in curve}
        for row in table.board.overall:
            if row.rating and row.agent not in versions and not several:
                axis.axhline(row.rating.mean, color="grey", lw=1, ls="--")
                axis.annotate(
                    escaped_name(row.agent, 16), (0, row.rating.mean), fontsize=7, color="grey", va="bottom"
                )
    axis.set_xlabel("update")
    axis.set_ylabel("rating, 95 %")
    axis.grid(alpha=0.3)
    axis.legend()
    return _svg(figure)


def _band(axis: Any, curve: Sequence[tuple[int, Rating]], colour: str, label: str) -> None:
    steps = [step for step, _ in curve]
    axis.plot(steps, [rating.mean for _, rating in curve], color=colour, marker="o", ms=4, label=label)
    known = [end for _, rating in curve for end in (rating.mean, *rating.ends) if end is not None]
    lows = [max(rating.low, min(known)) for _, rating in curve]  # an open end as far as anything is known
    highs = [min(rating.high, max(known)) for _, rating in curve]
    axis.fill_between(steps, lows, highs, color=colour, alpha=0.15, lw=0)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    drawn = StringIO()
    with rc_context({"svg.hashsalt": "arena", "text.parse_math": False}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
