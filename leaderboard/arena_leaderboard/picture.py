"""The terminal's leaderboard as an SVG picture, for pages and slides."""

import io
import re

from rich.console import Console

from arena_leaderboard.render import render_rich
from arena_leaderboard.standings import Leaderboard

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
