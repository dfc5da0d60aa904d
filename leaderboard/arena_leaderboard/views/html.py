"""The leaderboard as HTML for a notebook: tables and nothing else, every name as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from arena_leaderboard.standing import Standing
from arena_leaderboard.standings import Leaderboard
from arena_leaderboard.views.numbers import fixed, percent, span
from arena_leaderboard.views.untrusted import visible

HEADS = (
    "#",
    "ranks",
    "agent",
    "rating",
    "95% interval",
    "return",
    "success",
    "95% interval",
    "invalid",
    "matches",
)
UNKNOWN = "—"


def render_html(leaderboard: Leaderboard) -> str:
    """One table overall and one per game, the games' folded in; ≈ as in the terminal: not separable."""
    games = [
        f"<details><summary>{escape(visible(game))}</summary>{_table(rows)}</details>"
        for game, rows in leaderboard.games.items()
    ]
    return "<div>" + _table(leaderboard.overall) + "".join(games) + "</div>"


def _table(rows: Sequence[Standing]) -> str:
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    body = "".join(_row(rank, standing) for rank, standing in enumerate(rows, 1))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(rank: int, standing: Standing) -> str:
    rating = standing.rating
    tied = "≈ " if standing.separated is False else ""
    cells = (
        f"{tied}{rank}" if rating else UNKNOWN,
        _ends(standing.ranks, str) if standing.ranks else UNKNOWN,
        escape(visible(standing.agent)),
        f"{rating.mean:.0f}" if rating else UNKNOWN,
        span(rating, " … ") if rating else UNKNOWN,
        UNKNOWN if standing.mean_return is None else fixed(standing.mean_return, 2),
        UNKNOWN if standing.success_rate is None else percent(standing.success_rate),
        _ends(standing.success_ci95, percent) if standing.success_ci95 else UNKNOWN,
        UNKNOWN if standing.invalid_rate is None else percent(standing.invalid_rate),
        str(standing.matches),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _ends(interval: tuple[Any, Any], form: Callable[[Any], str]) -> str:
    low, high = map(form, interval)
    return low if low == high else f"{low} … {high}"
