"""A forecast for people, as a table, and for machines, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.tournament.forecast import NUMBERS, Estimate, Forecast, forecast
from arena.tournament.options import TournamentOptions
from arena.tournament.plan import Tournament
from arena.untrusted import one_line
from arena.views.messages import note
from arena.views.numbers import UNKNOWN, dollars, duration, roughly
from arena_games.base import UsageError

WIDE = 120  # columns from which intervals are shown in the table
HEADINGS = {
    "decisions": "moves",
    "prompt_tokens": "tokens in",
    "reply_tokens": "out",
    "cost": "cost",
    "seconds": "time",
}
IN_ALL = {
    "decisions": "{} moves",
    "prompt_tokens": "{} tokens in",
    "reply_tokens": "{} out",
    "cost": "{}",
    "seconds": "{}",
}
SPELLED: dict[str, Callable[[float], str]] = {"cost": partial(dollars, cents=True), "seconds": duration}


def show_forecast(options: TournamentOptions, *, as_json: bool) -> None:
    """Print what the tournament will take, on stdout; what the sample may cost before it, on stderr."""
    if options.shard is not None:
        raise UsageError("--dry-run forecasts the whole tournament; leave --shard out")
    tournament = Tournament.asked(options)
    found = forecast(tournament, deadline_s=options.deadline_s, say=note)
    if as_json:
        print(json.dumps(forecast_json(found), indent=2, allow_nan=False))
    else:
        print_forecast(found, Console())


def forecast_json(found: Forecast) -> dict[str, Any]:
    """`{"matches", "rows": [{"game", "agent", "matches", "decisions": {"value", "low", "high"} or null, …}],
    "games_seconds", "total", "notes"}`.
    """
    rows = [
        {"game": row.game, "agent": row.agent, "matches": row.matches}
        | {name: _interval(getattr(row, name)) for name in NUMBERS}
        for row in found.rows
    ]
    return {
        "matches": found.matches,
        "rows": rows,
        "games_seconds": found.games_seconds.value,
        "total": {name: _interval(estimate) for name, estimate in found.totals().items()},
        "notes": found.notes,
    }


def _interval(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def print_forecast(found: Forecast, console: Console) -> None:
    """Print a row per game and agent, without columns of which nothing is known, and what it comes to.

    Where there is room, every number has its interval.
    """
    total = found.totals()
    shown = [name for name in NUMBERS if total[name] is not None]
    table = Table(title="Forecast", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("game", no_wrap=True, overflow="ellipsis")
    table.add_column("agent", no_wrap=True, overflow="ellipsis", max_width=24)
    for heading in ("matches", *(HEADINGS[name] for name in shown)):
        table.add_column(heading, justify="right", no_wrap=True)
    game = ""
    for row in found.rows:
        cells = [_cell(name, getattr(row, name), console.width >= WIDE) for name in shown]
        first = "" if row.game == game else one_line(row.game)
        table.add_row(Text(first), Text(one_line(row.agent)), f"{row.matches:,}", *cells)
        game = row.game
    console.print(table)
    console.print(Text("\n" + _in_all(found, total)))
    console.print(Text(_legend(found), style="dim"))


def _in_all(found: Forecast, total: Mapping[str, Estimate | None]) -> str:
    parts = [f"{found.matches:,} matches"]
    for name, words in IN_ALL.items():
        if total[name] is not None:
            parts.append(words.format(_cell(name, total[name], True)))
    return f"In all: {', '.join(parts)}."


def _legend(found: Forecast) -> str:
    lines = [
        "± is half of the 95% interval. A match of several agents counts in each one's row.",
        f"{duration(found.games_seconds.value)} of the time are the games' own. Larger batches are faster.",
    ]
    return "\n".join([*lines, *map(one_line, found.notes)])


def _cell(name: str, estimate: Estimate | None, with_interval: bool) -> str:
    if estimate is None:
        return UNKNOWN
    spell = SPELLED.get(name, roughly)
    half = estimate.half if with_interval else None
    return spell(estimate.value) + ("" if half is None else f" ± {spell(half)}")
