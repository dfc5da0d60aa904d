"""A run's page, written as one file: a tournament's, filled in here, or a training's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from arena.machine.files import write_output, write_text
from arena.record.store import FILE_NAME
from arena.untrusted import escaped_name, json_in_html
from arena.views.page.data import RunData, read_run
from arena.views.page.facts import (
    about,
    agent_facts,
    config_facts,
    counts,
    round_about,
    seats_in_words,
    summary,
    version_facts,
)
from arena.views.page.frame import filled, in_both_widths, present
from arena.views.page.plots import curve_plot, interval_plot
from arena.views.page.selection import SAME_START
from arena.views.page.training import read_training
from arena.views.page.training_page import render_training
from arena_agents.files import read_json
from arena_games.base import UsageError
from arena_leaderboard import Standing

CARD = 340  # CSS pixels of the plot in a game's card
PAGE = "report.html"  # in the run's folder
SCRIPTS = ("sort.js", "replay.js", "filter.js")


def write_report(folder: Path, out: Path | None = None, *, trust: bool = False) -> int:
    """Write the page of the tournament or training in `folder`, by default into it; its size in bytes.

    A file at `out` is replaced whole or not at all; a device or a FIFO is written into. Games that are Python
    files or modules are only run with `trust`, else their matches are shown as they were stored. Raises
    UsageError if the folder holds no run, or one that cannot be read.
    """
    if _holds_training(folder):
        page = render_training(read_training(folder))
    else:
        page = render(read_run(folder, trust=trust))
    if out is None:
        write_text(folder / PAGE, page)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_output(out, page)
    return len(page.encode())


def _holds_training(folder: Path) -> bool:
    """Whether there is a training; raises UsageError where only its config, which is damaged, could tell."""
    config = folder / "config.json"
    if not config.is_file():
        return False
    try:
        return "algorithm" in read_json(config, remedy="train again in another folder")
    except UsageError:
        if (folder / FILE_NAME).exists():
            return False
        raise


def render(run: RunData) -> str:
    """The page of a tournament. The same run gives the same page, byte by byte."""
    return filled(
        "tournament.html.jinja",
        SCRIPTS,
        run=run,
        title=escaped_name(run.name),
        skip="Skip to the leaderboard",
        sections=_sections(run),
        summary=summary(run.board),
        round_about=round_about(run.circles),
        facts=counts(run),
        overall=in_both_widths(lambda name, width: _overall_plot(run, name, width)),
        games=_games(run),
        curves=in_both_widths(lambda name, width: _curve_plot(run, name, width)),
        config=config_facts(run.config),
        agents=agent_facts(run.config),
        versions=version_facts(run.environment),
        data=Markup(json_in_html(run.replays)) if run.replays["matches"] else None,
    )


def _sections(run: RunData) -> list[tuple[str, str]]:
    return present(
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
