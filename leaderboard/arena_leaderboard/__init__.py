"""Ratings people can quote: results of matches in, a leaderboard with honest intervals out.

>>> board = standings(results)
>>> render_rich(board, Console())
"""

from arena_leaderboard.export import render_csv, render_json, render_markdown
from arena_leaderboard.ratings import Rating, ratings
from arena_leaderboard.render import render_rich
from arena_leaderboard.results import MatchResult, Race, races
from arena_leaderboard.standings import Leaderboard, Standing, standings
from arena_leaderboard.tally import mean_ci95

__all__ = [
    "Leaderboard",
    "MatchResult",
    "Race",
    "Rating",
    "Standing",
    "mean_ci95",
    "races",
    "ratings",
    "render_csv",
    "render_json",
    "render_markdown",
    "render_rich",
    "standings",
]
