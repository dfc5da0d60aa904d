"""States of some games of OpenSpiel in words, where the game's own string would not be understood.

Each is a function of a state and a seat, and says no more than the game's own string for that seat does.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

LINE_END = "\n"
CARDS = ("Jack", "Queen", "King")


@cache
def _numbers(width: int) -> str:
    return "".join(str(column % 10) for column in range(width))


def connect_four(state: Any, seat: int) -> str:
    """The board, with the columns' numbers below it."""
    board = state.observation_string(seat).rstrip("\n")
    return f"{board}\n{_numbers(len(board.partition(LINE_END)[0]))}"


def chess(state: Any, seat: int) -> str:
    """The board as a diagram from White's side, then the FEN."""
    fen = str(state.observation_string(seat))
    ranks = fen.split(" ")[0].split("/")
    rows = [re.sub(r"\d", lambda run: "." * int(run[0]), rank) for rank in ranks]
    drawn = [f"{len(rows) - i} {' '.join(row)}" for i, row in enumerate(rows)]
    return "\n".join([*drawn, "  " + " ".join("abcdefgh"[: len(rows[0])]), "", f"FEN: {fen}"])


def kuhn_poker(state: Any, seat: int) -> str:
    """The seat's own card, and what has been played."""
    return _kuhn(state.information_state_string(seat), state.num_players())


@lru_cache(maxsize=4096)
def _kuhn(known: str, players: int) -> str:
    digits = re.match(r"\d+", known)
    card = int(digits[0]) if digits else -1
    names = CARDS if players == 2 else tuple(f"card {n + 1} of {players + 1}" for n in range(players + 1))
    said = known[digits.end() if digits else 0 :]
    played = [
        f"player {turn % players} {'bet' if what == 'b' else 'passed'}" for turn, what in enumerate(said)
    ]
    return f"Your card: {names[card] if card >= 0 else 'none yet'}\nSo far: {', '.join(played) or 'nothing'}"


LEDUC_ACTIONS = ("folds", "calls", "raises")


def leduc_poker(state: Any, seat: int) -> str:
    """Cards, pot and chips, and what has been played in both rounds."""
    return _leduc(state.information_state_string(seat))


@lru_cache(maxsize=4096)
def _leduc(string: str) -> str:
    known = dict(re.findall(r"\[(\w+):? ?([^\]]*)\]", string))
    own, public = known.get("Private", ""), known.get("Public", "")
    pot, money = known.get("Pot", ""), known.get("Money", "").split()
    left = ", ".join(f"player {player} {chips}" for player, chips in enumerate(money))
    rounds = [f"Round {number}: {_leduc_acts(known.get(f'Round{number}', ''))}" for number in (1, 2)]
    return "\n".join(
        [
            f"Your card: {leduc_card(own)}",
            f"Open card: {leduc_card(public)}",
            f"Pot: {pot} chips; left: {left}",
            *rounds,
        ]
    )


def _leduc_acts(digits: str) -> str:
    return ", ".join(LEDUC_ACTIONS[int(digit)] for digit in digits.split()) or "nothing yet"


def leduc_card(digits: str) -> str:
    """A card's rank by its number: two of each rank, the lowest first."""
    number = int(digits) if digits.isdecimal() else -1
    rank = number // 2
    if number < 0:
        return "none yet"
    return CARDS[rank] if rank < len(CARDS) else f"rank {rank + 1}"


def hex_board(state: Any, seat: int) -> str:
    """The rhombus with letters above it and numbers before its rows."""
    rows = str(state.observation_string(seat)).rstrip("\n").split("\n")
    width = len(rows[0].split())
    letters = " ".join(chr(ord("a") + column) for column in range(width))
    return "\n".join(
        [f"   {letters}", *(f"{number:>2} {row.rstrip()}" for number, row in enumerate(rows, 1))]
    )


def liars_dice(state: Any, seat: int) -> str:
    """The seat's own dice, and the bids."""
    dice, *bids = str(state.information_state_string(seat)).split()
    return f"Your dice: {', '.join(dice)}\nBids so far: {', '.join(bids) or 'none'}"
