"""The page itself: the template filled with a run's data, under a policy that lets nothing in or out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from arena.machine.files import write_output, write_text
from arena.untrusted import escaped_name, escaped_text, json_in_html
from arena.views.numbers import around, dollars, fixed, level, percent, speed, thousands
from arena.views.page.data import RunData, read_run
from arena.views.page.facts import (
    about,
    agent_facts,
    config_facts,
    counts,
    seats_in_words,
    summary,
    version_facts,
)
from arena.views.page.plots import NARROW, WIDE, curve_plot, interval_plot
from arena.views.page.selection import SAME_START
from arena_leaderboard import Standing

CARD = 340  # CSS pixels of the plot in a game's card
PAGE = "report.html"  # in the run's folder
SCRIPTS = ("sort.js", "replay.js")
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Cpath fill='%231f5fbf' d='M1 5h1.6v2H1zM3.2 1h1.6v6H3.2zM5.4 3H7v4H5.4z'/%3E%3C/svg%3E"
)


def write_report(folder: Path, out: Path | None = None, *, trust: bool = False) -> int:
    """Write the page of the tournament in `folder`, by default into it; its size in bytes.

    A file at `out` is replaced whole or not at all; a device or a FIFO is written into. Games that are Python
    files or modules are only run with `trust`, else their matches are shown as they were stored. Raises
    UsageError if the folder holds no tournament.
    """
    page = render(read_run(folder, trust=trust))
    if out is None:
        write_text(folder / PAGE, page)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_output(out, page)
    return len(page.encode())


def render(run: RunData) -> str:
    """The page. The same run gives the same page, byte by byte."""
    style = _part("page.css")
    scripts = [_part(name) for name in SCRIPTS]
    template = _environment().get_template("page.html.jinja")
    return template.render(
        run=run,
        policy=policy(style, scripts),
        style=style,
        scripts=scripts,
        icon=ICON,
        sections=_sections(run),
        summary=summary(run.board),
        facts=counts(run),
        overall=_in_both_widths(lambda name, width: _overall_plot(run, name, width)),
        games=_games(run),
        curves=_in_both_widths(lambda name, width: _curve_plot(run, name, width)),
        config=config_facts(run.config),
        agents=agent_facts(run.config),
        versions=version_facts(run.environment),
        data=Markup(json_in_html(run.replays)),
        program=f"tmsg-arena {version('tmsg-arena')}",
    )


def policy(style: str, scripts: Iterable[str]) -> str:
    """A Content-Security-Policy that allows this style, these scripts, and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> Markup:
    """A file of this package, as it is."""
    return Markup(files("arena.views.page").joinpath(name).read_text(encoding="utf-8"))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("arena.views.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "any": any,
        "escaped_name": escaped_name,
        "around": around,
        "fixed": fixed,
        "level": level,
        "percent": percent,
        "thousands": thousands,
        "dollars": dollars,
        "speed": speed,
    }
    return environment


def _escaped(value: Any) -> Any:
    """What every expression of the template passes through; autoescaping follows."""
    return escaped_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sections(run: RunData) -> list[tuple[str, str]]:
    present = (
        ("overall", "Overall", True),
        ("games", "Games", run.board.games),
        ("skins", "Skins", run.skins),
        ("duels", "Head to head", run.duels),
        ("training", "Learning curves", run.curves),
        ("transfer", "Transfer", run.transfer),
        ("replays", "Replays", run.replays["matches"]),
        ("invalid", "Invalid replies", run.invalid),
        ("spending", "Tokens and cost", run.spending),
        ("run", "The run", True),
    )
    return [(id_, name) for id_, name, there in present if there]


def _in_both_widths(plot: Callable[[str, int], str]) -> dict[str, Markup]:
    """A figure for large screens and one for small ones; `plot` takes a name and a width."""
    return {name: Markup(plot(name, width)) for name, width in (("wide", WIDE), ("narrow", NARROW))}


def _overall_plot(run: RunData, name: str, width: int) -> str:
    return interval_plot(run.board.overall, key=f"overall-{name}", title="Overall ratings", width=width)


def _curve_plot(run: RunData, name: str, width: int) -> str:
    return curve_plot(run.curves, key=f"curves-{name}", width=width)


def _games(run: RunData) -> list[dict[str, Any]]:
    return [
        {
            "name": game,
            "about": about(game),
            "rows": rows,
            "watch": [
                (match["number"], match["why"])
                for match in run.replays["matches"]
                if match["game"] == escaped_name(game) and match["why"] != SAME_START
            ],
            "seats": seats_in_words(run.board.seats.get(game, ())),
            "plot": Markup(_game_plot(f"game-{at}", game, rows)),
        }
        for at, (game, rows) in enumerate(run.board.games.items())
    ]


def _game_plot(key: str, game: str, rows: Sequence[Standing]) -> str:
    return interval_plot(rows, key=key, title=f"Ratings on {escaped_name(game)}", width=CARD)
