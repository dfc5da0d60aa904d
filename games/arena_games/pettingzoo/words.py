"""Our own words for PettingZoo's classic games, whose observations are numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arena_games.base import Observation
from arena_games.board import Board
from arena_games.pettingzoo import boards
from arena_games.pettingzoo.env import Named, Shown

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Words:
    """`actions` lists them; where it is empty, `named` gives those of a position."""

    task: str
    rules: tuple[str, ...]
    text: Shown
    actions: Mapping[str, str] = field(default_factory=dict)
    named: Named | None = None
    board: Callable[[Observation], Board | None] | None = None


def _who(env: Any, agent: str) -> str:
    return f"You are player {env.possible_agents.index(agent)}."


def _two_planes(first: Array, second: Array, symbols: str = "XO") -> list[str]:
    """Rows of own pieces, the other's, and dots."""
    cells = np.where(first > 0, symbols[0], np.where(second > 0, symbols[1], "."))
    return ["".join(row) for row in cells]


def connect_four(env: Any, agent: str, seen: Array) -> str:
    """The board with the columns' numbers."""
    rows = _two_planes(seen[:, :, 0], seen[:, :, 1])
    return "\n".join([_who(env, agent), "X are your pieces, O the other's.", "", *rows, "0123456"])


def tic_tac_toe(env: Any, agent: str, seen: Array) -> str:
    """The board; an empty cell shows its number, which counts down the columns."""
    first, second = (seen[:, :, plane].T.ravel() for plane in (0, 1))
    cells = ["X" if first[i] else "O" if second[i] else str(i) for i in _columns_first(seen)]
    rows = [" ".join(cells[row * 3 : row * 3 + 3]) for row in range(3)]
    return "\n".join([_who(env, agent), "X are your pieces, O the other's.", "", *rows])


def _columns_first(seen: Array) -> list[int]:
    return [0, 3, 6, 1, 4, 7, 2, 5, 8]


def chess(env: Any, agent: str, seen: Array) -> str:
    """The board from White's side, then the FEN."""
    board = env.unwrapped.board
    colour = "White" if env.possible_agents.index(agent) == 0 else "Black"
    ranks = [f"{8 - i} {row}" for i, row in enumerate(str(board).splitlines())]
    return "\n".join([f"You are {colour}.", "", *ranks, "  a b c d e f g h", "", f"FEN: {board.fen()}"])


def chess_moves(env: Any, agent: str, legal: Sequence[int]) -> Sequence[str]:
    """Legal moves in standard algebraic notation."""
    from pettingzoo.classic.chess import chess_utils

    board, player = env.unwrapped.board, env.possible_agents.index(agent)
    return [board.san(chess_utils.action_to_move(board, action, player)) for action in legal]


GO_COLUMNS = "abcdefghjklmnopqrst"


def go(env: Any, agent: str, seen: Array) -> str:
    """The points, with rows and columns."""
    size = seen.shape[0]
    rows = _two_planes(seen[:, :, 0], seen[:, :, 1])
    numbered = [f"{size - i:>2} {row}" for i, row in enumerate(rows)]
    colour = "Black" if env.possible_agents.index(agent) == 0 else "White"
    columns = f"   {GO_COLUMNS[:size]}"
    return "\n".join([f"You are {colour}. X are your stones, O the other's.", "", *numbered, columns])


def go_points(env: Any, agent: str, legal: Sequence[int]) -> Sequence[str]:
    """Points by column and row, or `pass`."""
    size = int(np.sqrt(env.action_space(agent).n - 1))
    return [
        "pass" if action == size * size else f"{GO_COLUMNS[action % size]}{size - action // size}"
        for action in legal
    ]


THROWS = ("rock", "paper", "scissors")


def rps(env: Any, agent: str, seen: Any) -> str:
    """What the other threw last."""
    last = int(seen)
    shown = THROWS[last] if last < len(THROWS) else "nothing yet"
    return f"{_who(env, agent)}\nThe other player's last throw: {shown}."


def cards(env: Any, agent: str, seen: Any) -> str:
    """What rlcard lets the seat know, a line each."""
    base = env.unwrapped
    raw = base.env.get_state(base.possible_agents.index(agent))["raw_obs"]
    names = [key for key in raw if key not in ("legal_actions", "current_player")]
    shown = [f"{key.replace('_', ' ')}: {_said(raw[key])}" for key in names]
    return "\n".join([_who(env, agent), "", *shown])


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_said, value)) or "none"
    return str(getattr(value, "name", value))


LIMIT_BETS = {
    "call": "put in what the other has",
    "raise": "put in more than the other has",
    "fold": "give the pot to the other",
    "check": "put in nothing",
}
CARD_RULES = ("S, H, D and C are suits; T is a ten, J, Q, K, A the cards above it.",)

WORDS = {
    "connect_four": Words(
        "You are playing Connect Four against another player. Be the first with four pieces in a line.",
        (
            "The board has 6 rows and 7 columns; the columns are numbered from 0, left to right.",
            "In turn each player drops a piece into a column that is not full; it falls as far as it can.",
            "Four in a line, across, upright or diagonal, win. A full board without that is a draw.",
            "A win pays 1, a loss -1.",
        ),
        connect_four,
        {str(column): f"drop a piece into column {column}" for column in range(7)},
        board=boards.connect_four,
    ),
    "tictactoe": Words(
        "You are playing tic-tac-toe against another player. Be the first with three pieces in a line.",
        (
            "Cells are numbered from 0 to 8 down the columns; an empty cell shows its number.",
            "In turn each player puts a piece on an empty cell.",
            "Three in a row, a column or a diagonal win. A full board without that is a draw.",
            "A win pays 1, a loss -1.",
        ),
        tic_tac_toe,
        {str(cell): f"put a piece on cell {cell}" for cell in range(9)},
        board=boards.tic_tac_toe,
    ),
    "chess": Words(
        "You are playing chess against another player. Win the game.",
        ("The rules are FIDE's.", "Moves are in standard algebraic notation.", "A win pays 1, a loss -1."),
        chess,
        named=chess_moves,
        board=boards.chess,
    ),
    "go": Words(
        "You are playing Go against another player. Win by area.",
        (
            "Columns are letters from the left, without i; rows are numbers from the bottom.",
            "In turn each player puts a stone on an empty point, or passes; two passes end the game.",
            "A win pays 1, a loss -1.",
        ),
        go,
        named=go_points,
        board=boards.go,
    ),
    "rps": Words(
        "You are playing rock, paper, scissors against another player. Win more throws.",
        (
            "Both throw at the same time. Rock beats scissors, scissors beat paper, paper beats rock.",
            "A throw that wins pays 1, one that loses -1.",
        ),
        rps,
        {"rock": "beats scissors", "paper": "beats rock", "scissors": "beats paper"},
    ),
    "leduc_holdem": Words(
        "You are playing Leduc hold'em against another player. Win chips.",
        (
            "The deck has two jacks, two queens and two kings; each player holds one card.",
            "After a round of betting a public card is shown, then there is another round.",
            "A pair with the public card wins, else the higher card. The game pays what is won, or lost.",
        ),
        cards,
        LIMIT_BETS,
        board=boards.cards,
    ),
    "texas_holdem": Words(
        "You are playing limit Texas hold'em against another player. Win chips.",
        (
            *CARD_RULES,
            "Each player holds two cards; three, one and one public cards follow, with bets before each.",
            "The best five of seven cards win. The game pays what is won, or lost.",
        ),
        cards,
        LIMIT_BETS,
        board=boards.cards,
    ),
    "texas_holdem_no_limit": Words(
        "You are playing no-limit Texas hold'em against another player. Win chips.",
        (
            *CARD_RULES,
            "Each player holds two cards; three, one and one public cards follow, with bets before each.",
            "The best five of seven cards win. The game pays what is won, or lost.",
        ),
        cards,
        {
            "fold": "give the pot to the other",
            "check-or-call": "put in what the other has, if anything",
            "raise-half-pot": "raise by half the pot",
            "raise-pot": "raise by the pot",
            "all-in": "put in everything",
        },
        board=boards.cards,
    ),
}
