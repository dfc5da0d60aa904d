"""Pictures of games of PettingZoo, Gymnasium and TextArena say what the texts say."""

from __future__ import annotations

import re

import pytest

from arena_games.base import GameSpec, Observation
from arena_games.board import Board
from arena_games.conformance.playthrough import Visit, play
from arena_games.registry import find_game

PETTINGZOO = ("connect_four_v3", "tictactoe_v3", "chess_v6(cut=6)", "go_v5(board_size=5,cut=12)")
CARDS = ("leduc_holdem_v4", "texas_holdem_v4", "texas_holdem_no_limit_v6")
GYM = ("FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4(cut=30)", "CliffWalking-v1(cut=30)", "Blackjack-v1")
TEXTARENA = ("TicTacToe-v0", "ConnectFour-v0", "KuhnPoker-v0")
ALL = (
    *[f"pettingzoo:{name}" for name in (*PETTINGZOO, *CARDS)],
    *[f"gym:{name}" for name in GYM],
    *[f"textarena:{name}" for name in TEXTARENA],
)


def found(name: str) -> GameSpec:
    pytest.importorskip(name.partition(":")[0].replace("gym", "gymnasium"))
    return find_game(name)


def drawn(spec: GameSpec, visit: Visit) -> Board:
    assert spec.board is not None
    board = spec.board(Observation(spec.name, visit.view.seat, 0, visit.view.text, ()))
    assert board is not None, visit.view.text
    return board


@pytest.mark.parametrize("name", ALL)
def test_every_position_is_drawn(name: str) -> None:
    spec = found(name)
    for seed in range(2):
        for visit in play(spec, seed).decisions:
            board = drawn(spec, visit)
            assert len({len(row) for row in board.rows}) == 1
            cells = [cell for row in board.rows for cell in row]
            assert all(cell.symbol.isascii() and 1 <= len(cell.symbol) <= 2 for cell in cells)


@pytest.mark.parametrize("name", ["pettingzoo:connect_four_v3", "pettingzoo:tictactoe_v3"])
def test_a_piece_for_every_move_in_the_colour_of_its_seat(name: str) -> None:
    spec = found(name)
    for number, visit in enumerate(play(spec, 3).decisions):
        cells = [cell for row in drawn(spec, visit).rows for cell in row]
        by_seat = [sum(cell.seat == seat for cell in cells) for seat in (0, 1)]
        assert by_seat == [(number + 1) // 2, number // 2]


@pytest.mark.parametrize("name", ["gym:FrozenLake-v1", "gym:CliffWalking-v1(cut=30)", "gym:Taxi-v4(cut=30)"])
def test_one_cell_is_the_players(name: str) -> None:
    spec = found(name)
    for visit in play(spec, 0).decisions:
        rows = drawn(spec, visit).rows
        ((row, column),) = [
            (r, c) for r, cells in enumerate(rows) for c, cell in enumerate(cells) if cell.strong
        ]
        told = re.search(r"in row (\d+), column (\d+)", visit.view.text)
        if told:
            wide = 2 if "Taxi" in name else 1  # a street has walls on both sides
            assert (row, column) == (int(told[1]), wide * int(told[2]))


def test_other_texts_are_not_drawn() -> None:
    for name in ALL:
        spec = found(name)
        assert spec.board is not None
        assert spec.board(Observation(spec.name, 0, 0, "nothing of this game", ())) is None
