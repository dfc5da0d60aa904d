"""Ratings that compare from tournament to tournament: one agent's is fixed, others' are distances to it.

A rating is relative to who takes part: the mean of the field is 1000. An anchor that two tournaments share,
such as `random`, is 1000 in both. An interval is then that of the distance: the anchor's own is a point.
"""

from dataclasses import replace

from arena_leaderboard.game_means import with_game_means
from arena_leaderboard.model.ratings import Fit
from arena_leaderboard.standing import Standing
from arena_leaderboard.standings import Leaderboard


def anchored(board: Leaderboard, anchor: str) -> Leaderboard:
    """The board with the anchor at 1000 overall and in each game; without ratings over clean matches.

    Order, ranks and differences stay. Raises ValueError if the anchor lacks a rated match in a game.
    """
    for game, fit in board.fits.items():
        if anchor not in fit.agents:
            where = "" if game is None else f" in {game}"
            raise ValueError(f"{anchor!r} has no rated match{where}, so nobody can be measured from it")
    if not board.fits:
        raise ValueError("no match is rated, so nobody can be measured from anybody")
    games = {
        game: tuple(_moved(row, board.fits.get(game), anchor) for row in rows)
        for game, rows in board.games.items()
    }
    overall = tuple(_moved(row, board.fits[None], anchor) for row in board.overall)
    return replace(board, overall=with_game_means(overall, games), games=games)


def _moved(row: Standing, fit: Fit | None, anchor: str) -> Standing:
    if fit is None or row.rating is None:
        return replace(row, clean=None)
    return replace(row, rating=fit.rating(row.agent, anchor), clean=None)
