"""`arena leaderboard`: a stored tournament's, a running one's too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arena.record.board import Summed, anchored_at, looks_of
from arena.record.paired import skin_drops
from arena.record.plays import Faults
from arena.record.store import Store
from arena.record.usages import Spending
from arena.untrusted import one_line
from arena.views.circles import show_circles
from arena.views.invalid import invalid_json, show_invalid
from arena.views.options import Format, GameWeights
from arena.views.skins import show_skins, skins_json
from arena.views.spending import show_spending, spending_json
from arena_games.families import family
from arena_leaderboard import (
    Leaderboard,
    circles,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    render_svg,
)
from arena_leaderboard.subsets import ranks_without_a_game_of


def show_leaderboard(
    folder: Path,
    format: Format,
    anchor: str | None = None,
    weights: GameWeights = GameWeights.GAME,
    *,
    nash: bool = False,
) -> None:
    """Print the leaderboard of a tournament's folder in one of the formats; the `anchor` is rated 1000.

    `weights` says what games weigh in the overall rating. With `nash` the Nash average is shown though there
    be no cycle.
    """
    with Store.read(folder) as store:
        found = Summed.of_store(store), store.spending(), store.invalid_replies()
        board = anchored_at(found[0].board(looks_of(store), weights.value), anchor)
    show_board(board, *found, format=format, nash=nash)


def show_board(
    board: Leaderboard,
    summed: Summed,
    spending: Mapping[str, Spending],
    invalid: Faults,
    *,
    format: Format,
    verdict: str | None = None,
    nash: bool = False,
) -> None:
    """Print a board with all that belongs to it, from the same sums.

    A `verdict` on its order stands below the ratings.
    """
    rated = [row.agent for row in board.overall if row.rating]
    round_about = circles(summed.duels(rated), board.fits.get(None), asked=nash)
    without = ranks_without_a_game_of(summed.games, weights=board.weights, family=family)
    drops = skin_drops(summed.of_skins)
    if format == Format.RICH:
        render_rich(board, Console())
        _show_dependent(without)
        show_circles(round_about, Console())
        if verdict is not None:
            print(verdict)
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
            **round_about.to_json(),
        ),
        Format.CSV: render_csv,
        Format.MD: render_markdown,
        Format.SVG: render_svg,
    }
    print(renderers[format](board).rstrip("\n"))
    if verdict is not None:
        print(verdict, file=sys.stderr)


def _show_dependent(without: Mapping[str, tuple[int, int]]) -> None:
    """Whose overall rank hangs on one game."""
    moved = [f"{one_line(agent)} {best}–{worst}" for agent, (best, worst) in without.items() if best != worst]
    if moved:
        Console().print(Text(f"\nRank with any one game left out: {', '.join(moved)}"), soft_wrap=True)
