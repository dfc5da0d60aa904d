"""`arena leaderboard`: a stored tournament's, a running one's too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from arena.record.board import board_of
from arena.record.paired import skin_drops
from arena.record.store import Store
from arena.views.invalid import invalid_json, show_invalid
from arena.views.options import Format
from arena.views.skins import show_skins, skins_json
from arena.views.spending import show_spending, spending_json
from arena_leaderboard import (
    Leaderboard,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    render_svg,
)


def show_leaderboard(folder: Path, format: Format) -> None:
    """Print the leaderboard of a tournament's folder in one of the formats."""
    with Store.read(folder) as store:
        board, spending = board_of(store), store.spending()
        invalid, drops = store.invalid_replies(), skin_drops(store.results())
    if format == Format.RICH:
        render_rich(board, Console())
        show_skins(drops, Console())
        show_invalid(invalid, Console())
        show_spending(spending, Console())
        return
    renderers: dict[Format, Callable[[Leaderboard], str]] = {
        Format.JSON: partial(
            render_json,
            replies=spending_json(spending),
            invalid=invalid_json(invalid),
            skins=skins_json(drops),
        ),
        Format.CSV: render_csv,
        Format.MD: render_markdown,
        Format.SVG: render_svg,
    }
    print(renderers[format](board).rstrip("\n"))
