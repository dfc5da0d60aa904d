"""`arena leaderboard`: a stored tournament's, a running one's too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arena.record.board import board_of
from arena.record.paired import skin_drops
from arena.record.store import Store
from arena.untrusted import one_line
from arena.views.invalid import invalid_json, show_invalid
from arena.views.options import Format
from arena.views.skins import show_skins, skins_json
from arena.views.spending import show_spending, spending_json
from arena_leaderboard import (
    Leaderboard,
    ranks_without_a_game,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    render_svg,
)


def show_leaderboard(folder: Path, format: Format, anchor: str | None = None) -> None:
    """Print the leaderboard of a tournament's folder in one of the formats; the `anchor` is rated 1000."""
    with Store.read(folder) as store:
        results = store.results()
        board, spending = board_of(store, anchor), store.spending()
        invalid, drops = store.invalid_replies(), skin_drops(results)
    without = ranks_without_a_game(results)
    if format == Format.RICH:
        render_rich(board, Console())
        _show_dependent(without)
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
            ranks_without_a_game=without,
        ),
        Format.CSV: render_csv,
        Format.MD: render_markdown,
        Format.SVG: render_svg,
    }
    print(renderers[format](board).rstrip("\n"))


def _show_dependent(without: Mapping[str, tuple[int, int]]) -> None:
    """Whose overall rank hangs on one game."""
    moved = [f"{one_line(agent)} {best}–{worst}" for agent, (best, worst) in without.items() if best != worst]
    if moved:
        Console().print(Text(f"\nRank with any one game left out: {', '.join(moved)}"), soft_wrap=True)
