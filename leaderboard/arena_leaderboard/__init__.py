"""Ratings people can quote: results of matches in, a leaderboard with honest intervals out.

>>> board = standings(results)
>>> render_rich(board, Console())
"""

from arena_leaderboard.anchor import anchored
from arena_leaderboard.circles import Circles, circles
from arena_leaderboard.cycles import cycles, settled
from arena_leaderboard.head_to_head import Duels, HeadToHead, head_to_head
from arena_leaderboard.model.game_weights import Weights
from arena_leaderboard.model.means import mean_ci95, paired_ci95, share_ci95
from arena_leaderboard.model.ratings import Difference, Fit, Rating, ratings
from arena_leaderboard.nash import Nash, nash_average
from arena_leaderboard.order_effect import OrderEffect, order_effect
from arena_leaderboard.results import MatchResult, Race, races
from arena_leaderboard.seat_effect import SeatEffect, seat_effects
from arena_leaderboard.standing import Standing
from arena_leaderboard.standings import Leaderboard, differences, standings
from arena_leaderboard.subsets import ranks_without_a_game
from arena_leaderboard.views.export import render_csv, render_json, render_markdown
from arena_leaderboard.views.terminal import render_rich, render_svg

__all__ = [
    "Circles",
    "Difference",
    "Duels",
    "Fit",
    "HeadToHead",
    "Leaderboard",
    "MatchResult",
    "Nash",
    "OrderEffect",
    "Race",
    "Rating",
    "SeatEffect",
    "Standing",
    "Weights",
    "anchored",
    "circles",
    "cycles",
    "differences",
    "head_to_head",
    "mean_ci95",
    "nash_average",
    "order_effect",
    "paired_ci95",
    "races",
    "ranks_without_a_game",
    "ratings",
    "render_csv",
    "render_json",
    "render_markdown",
    "render_rich",
    "render_svg",
    "seat_effects",
    "settled",
    "share_ci95",
    "standings",
]
