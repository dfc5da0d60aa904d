"""Cycles and Nash averaging in words: below a leaderboard, a league's pay-offs, and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.untrusted import escaped_name
from arena_leaderboard import Nash
from arena_leaderboard.circles import Circles
from arena_leaderboard.views.numbers import percent

NASH = "Nash averaging: each agent's part of the mixture that nobody beats, and its share against it"


def show_circles(found: Circles, console: Console) -> None:
    """Print the cycles, if any, and the Nash average, if there is one."""
    if found.cycles:
        console.print(cycles_text(found.cycles), soft_wrap=True)
    if found.nash is not None:
        console.print(Text(f"{NASH}:"), soft_wrap=True)
        console.print(nash_text(found.nash))


def cycles_text(found: Sequence[Sequence[str]]) -> Text:
    """The cycles, or that there is none."""
    if not found:
        return Text("no cycle is settled")
    named = (" beats ".join(map(escaped_name, (*cycle, cycle[0]))) for cycle in found)
    return Text("cycles: " + "; ".join(named))


def nash_text(nash: Nash) -> Table:
    """One row an agent, the largest part first, then the largest share."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("agent", "Nash", "share"):
        shown.add_column(heading, justify="left" if heading == "agent" else "right", no_wrap=True)
    for agent, mass, share in nash_rows(nash):
        shown.add_row(Text(escaped_name(agent)), percent(mass), percent(share))
    return shown


def nash_rows(nash: Nash) -> list[tuple[str, float, float]]:
    """Agent, mass and share in that order."""
    rows = zip(nash.agents, nash.mass, nash.share, strict=True)
    return sorted(rows, key=lambda row: (-round(row[1], 6), -round(row[2], 6), row[0]))
