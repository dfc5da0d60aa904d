"""Boards for viewers say what the texts say, whoever looks, and never raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_games.base import GameSpec, Observation
from arena_games.board import Board
from arena_games.conformance.playthrough import play
from arena_games.registry import BUILT_IN

IDS = [spec.name for spec in BUILT_IN]


def boards(spec: GameSpec, seeds: range = range(5)) -> list[tuple[Observation, Board]]:
    """Every position of random episodes with its picture."""
    assert spec.board is not None
    seen = []
    for seed in seeds:
        for visit in play(spec, seed).visits:
            shown = Observation(spec.name, visit.view.seat, 0, visit.view.text, ())
            board = spec.board(shown)
            assert board is not None
            seen.append((shown, board))
    return seen


def text_rows(shown: Observation) -> list[list[str]]:
    """The grid that the text draws."""
    lines = shown.text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Legend:"))
    return [line.split() for line in lines[start + 1 : -1]]


@pytest.mark.parametrize(
    "spec", [spec for spec in BUILT_IN if "snake" in spec.name], ids=lambda spec: spec.name
)
def test_snake_boards_are_the_texts_boards(spec: GameSpec) -> None:
    for shown, board in boards(spec):
        mine = f"{shown.seat + 1}"
        words = {"_": ".", "A": "x" if spec.name == "snake-poison" else "*", "H": f"@{mine}", "B": f"o{mine}"}
        for row, told in zip(board.rows, text_rows(shown), strict=True):
            for cell, letter in zip(row, told, strict=True):
                if letter in words:
                    assert cell.symbol == words[letter]
                else:
                    assert cell.symbol[0] == {"E": "@", "T": "o"}[letter]
                    assert cell.seat != shown.seat
                assert cell.strong == (letter in "HE")


@pytest.mark.parametrize(
    "spec", [spec for spec in BUILT_IN if "lake" in spec.name], ids=lambda spec: spec.name
)
def test_lake_boards_are_the_texts_boards(spec: GameSpec) -> None:
    ends = set()
    for shown, board in boards(spec, range(30)):
        for row, told in zip(board.rows, text_rows(shown), strict=True):
            assert ["." if letter == "_" else letter for letter in told] == [cell.symbol[0] for cell in row]
            ends |= {cell.symbol for cell in row}
    assert {"P", "PO", "PG"} <= ends, "the player on ice, in a hole and at the goal look different"


def test_every_seat_sees_the_same_board() -> None:
    spec = next(spec for spec in BUILT_IN if spec.name == "snake-royale")
    first_round = boards(spec, range(1))[:4]
    assert {shown.seat for shown, _ in first_round} == {0, 1, 2, 3}
    assert len({board.rows for _, board in first_round}) == 1


@pytest.mark.parametrize("spec", BUILT_IN, ids=IDS)
@given(text=st.text() | st.just("You: (1, 1)\nHoles: none\nApples: (999, 999)\nSnake 999: head (0, 0) body"))
def test_any_text_is_drawn_or_not(spec: GameSpec, text: str) -> None:
    assert spec.board is not None
    board = spec.board(Observation(spec.name, 0, 0, text, ()))
    assert board is None or {len(row) for row in board.rows} == {board.width}


@pytest.mark.parametrize("spec", BUILT_IN, ids=IDS)
def test_symbols_alone_tell_cells_apart(spec: GameSpec) -> None:
    looks: dict[str, set[object]] = {}
    for _, board in boards(spec):
        for cell in (cell for row in board.rows for cell in row):
            assert 1 <= len(cell.symbol) <= 2
            assert cell.symbol.isascii()
            looks.setdefault(cell.symbol, set()).add((cell.tone, cell.seat, cell.strong))
    assert all(len(meanings) == 1 for meanings in looks.values())
