"""Our own words for the best-known games of OpenSpiel: rules, notation, what a seat is called.

Every other game speaks through its own strings. `text` shows a state where the game's string would not
be understood; it may say only what that seat knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from arena_games.board import Board
from arena_games.openspiel import boards, texts
from arena_games.parsing import Aliases


def without_label(name: str) -> Sequence[str]:
    """`[P0]Bid: 2` as `Bid: 2`: it is clear who plays."""
    bare = re.sub(r"^\[P\d+\] ?", "", name)
    return (bare,) if bare != name else ()


@dataclass(frozen=True)
class Words:
    """What we know of a game beyond its own strings. `case_matters`: two actions may differ by case alone."""

    title: str = ""
    rules: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    text: Callable[[Any, int], str] | None = None
    aliases: Aliases = without_label
    case_matters: bool = False
    board: Callable[[str], Board | None] | None = None


def without_player(name: str) -> Sequence[str]:
    """`x(1,2)` as `(1,2)` and `1,2`, `x3` as `3`: which piece is set is no choice."""
    return (name[1:], name[1:].strip("()")) if name[:1] in "xo" and len(name) > 1 else ()


def without_colour(name: str) -> Sequence[str]:
    """`B d4` as `d4`."""
    return (name[2:],) if name[:2] in ("B ", "W ") else ()


def without_number(name: str) -> Sequence[str]:
    """`24 - 8/5 6/5` by its number."""
    number = name.partition(" - ")[0]
    return (number,) if number.isdecimal() else ()


def without_marks(name: str) -> Sequence[str]:
    """`Nf3+` as `Nf3`, `d3c2*` as `d3c2`: the marks say what follows, not what is played."""
    bare = name.rstrip("+#*")
    return (bare,) if bare != name else ()


# Here two actions may differ by nothing but case: bxc3 is a pawn's move, Bxc3 a bishop's.
CASE_MATTERS = (
    *("antichess", "crazyhouse", "dark_chess", "kriegspiel", "rbc", "shogi", "xiangqi", "hive"),
    *("banqi", "oware"),
)

WORDS: dict[str, Words] = {
    **{name: Words(case_matters=True) for name in CASE_MATTERS},
    "tic_tac_toe": Words(
        "tic-tac-toe",
        (
            "The board has 3 rows and 3 columns, both numbered from 0; (0,0) is top left, (0,2) top right.",
            "x moves first. In turn each player puts one piece on an empty cell, shown as a dot.",
            "Three of one's own pieces in a row, a column or a diagonal win at once.",
            "If the board is full without that, the game is drawn.",
            "x(1,2) puts an x on row 1, column 2. A win pays +1, a draw 0, a loss -1.",
        ),
        ("x", "o"),
        aliases=without_player,
        board=boards.tic_tac_toe,
    ),
    "connect_four": Words(
        "Connect Four",
        (
            "The board has 6 rows and 7 columns; the columns are numbered from 0, left to right.",
            "x moves first. In turn each player drops one piece into a column that is not full.",
            "The piece falls to the lowest empty cell of that column; a dot is an empty cell.",
            "Four of one's own pieces in a line, across, upright or diagonal, win at once.",
            "If the board is full without that, the game is drawn.",
            "x3 drops an x into column 3. A win pays +1, a draw 0, a loss -1.",
        ),
        ("x", "o"),
        text=texts.connect_four,
        aliases=without_player,
        board=boards.connect_four,
    ),
    "chess": Words(
        "chess",
        (
            "The rules are those of FIDE chess. White moves first.",
            "K king, Q queen, R rook, B bishop, N knight, P pawn: capitals are White's.",
            "Squares are a file from a to h and a rank from 1 to 8; a dot is an empty square.",
            "The FEN behind the board says who may still castle, and where a pawn may be taken en passant.",
            "Moves are in standard algebraic notation: Nf3, exd5, O-O, e8=Q, Qxf7#.",
            "Checkmate wins. Draws are stalemate, a position that comes for the third time, too little",
            "material to mate, and 50 moves of each in which nothing is taken and no pawn moves.",
            "A win pays +1, a draw 0, a loss -1. A game that takes too long is a draw.",
        ),
        ("Black", "White"),
        text=texts.chess,
        aliases=without_marks,
        case_matters=True,
        board=boards.chess,
    ),
    "kuhn_poker": Words(
        "Kuhn poker",
        (
            "The deck has three cards: Jack, Queen, King, the King the highest.",
            "Each player puts 1 chip into the pot and is dealt one card, which the other does not see.",
            "player 0 acts first. Bet adds 1 chip to the pot; after a bet it calls.",
            "Pass adds none: without a bet before, it checks; after a bet it folds: the other takes the pot.",
            "If nobody has folded, the higher card takes the pot.",
            "The game pays the chips won, or minus those lost: 1 or 2.",
        ),
        text=texts.kuhn_poker,
        board=boards.kuhn_poker,
    ),
    "leduc_poker": Words(
        "Leduc poker",
        (
            "The deck has six cards: two Jacks, two Queens, two Kings, the Kings the highest.",
            "Each player puts 1 chip into the pot and is dealt one card, which the other does not see.",
            "There are two rounds of betting, of at most two raises each; player 0 acts first in both.",
            "Call matches what the other has put in; without a raise before, it checks.",
            "Fold gives up the pot.",
            "Raise puts in 2 chips more than the other has in the first round, 4 more in the second.",
            "Between the rounds one card is laid open.",
            "At the end a card of the same rank as the open one wins; otherwise the higher card does.",
            "Equal cards share the pot. The game pays the chips won, or minus those lost.",
        ),
        text=texts.leduc_poker,
        board=boards.leduc_poker,
    ),
    "breakthrough": Words(
        "Breakthrough",
        (
            "Columns are letters from the left, rows numbers from the bottom; a dot is an empty square.",
            "Black (b) begins at the top and moves down, White (w) at the bottom and moves up.",
            "Black moves first.",
            "A piece moves one square straight or diagonally forward.",
            "It may take an opposing piece diagonally forward, never straight ahead.",
            "Whoever brings a piece to the opposite edge, or takes all opposing pieces, wins.",
            "a7b6 moves from a7 to b6; a7b6* takes the piece there. A win pays +1, a loss -1.",
        ),
        ("Black", "White"),
        aliases=without_marks,
        board=boards.breakthrough,
    ),
    "hex": Words(
        "Hex",
        (
            "The board is a rhombus of hexagons: a column's letter and a row's number, a1 at the top left.",
            "Each row is drawn half a cell further right than the one above it.",
            "A cell touches the two beside it, two above it (same column, and one to the right)",
            "and two below it (same column, and one to the left).",
            "x moves first. In turn each player puts one piece on an empty cell; pieces stay.",
            "x wins by a chain of touching pieces from the top edge to the bottom edge,",
            "o by one from the left edge to the right edge. There are no draws.",
            "A win pays +1, a loss -1.",
        ),
        ("x", "o"),
        text=texts.hex_board,
        board=boards.hex_board,
    ),
    "othello": Words(
        "Othello",
        (
            "The board has 8 columns, a to h, and 8 rows, 1 at the top; - is an empty square.",
            "Black (x) moves first.",
            "A piece must be put where it encloses one or more opposing pieces in a straight line,",
            "across, upright or diagonal, between itself and another piece of one's own.",
            "All pieces that it encloses are turned over to one's own colour.",
            "Who has no such move passes. The game ends when neither has one.",
            "Whoever has more pieces then wins. A win pays +1, a draw 0, a loss -1.",
        ),
        ("Black (x)", "White (o)"),
        board=boards.othello,
    ),
    "go": Words(
        "Go",
        (
            "Black (X) moves first. In turn each player puts a stone on an empty point (+), or passes.",
            "Columns are letters from the left, without I; rows are numbers from the bottom.",
            "Stones that touch along lines are a group; one without an empty point beside it is taken off.",
            "A stone may not be put where its own group would have none, nor so that a position comes again.",
            "The game ends after two passes in a row. Tromp-Taylor scoring: one's points are one's stones on",
            "the board and the empty points that they alone surround; take dead stones off before you pass.",
            "White gets the komi that is shown as well. A win pays +1, a loss -1.",
            "B d4 puts a black stone on d4; B PASS passes.",
        ),
        ("Black", "White"),
        aliases=without_colour,
        board=boards.go,
    ),
    "backgammon": Words(
        "backgammon",
        (
            "The board is drawn from above: on top points 13 to 24 from left to right, below 12 to 1.",
            "o moves from point 24 down to 1 and then off the board; x moves the other way, and numbers the",
            "points the other way: x's point 24 is point 1 of the drawing.",
            "Two dice are rolled; each moves one checker. Doubles count four times: two turns in a row.",
            "A checker may not land on a point that two or more opposing checkers hold.",
            "Landing on a single one sends it to the bar; it has to enter again before anything else moves.",
            "When all checkers are on the points 1 to 6, they may be borne off.",
            "Whoever has all 15 off first wins. A win pays +1, a loss -1.",
            "Actions are numbered: 24/20 13/11 moves one checker from 24 to 20 and one from 13 to 11,",
            "24/20/18 one checker twice; * takes a checker, (2) does it twice.",
            "Name an action by all of it, or by its number.",
        ),
        ("x", "o"),
        aliases=without_number,
        board=boards.backgammon,
    ),
    "liars_dice": Words(
        "liar's dice",
        (
            "Each player has rolled dice that the other does not see.",
            "player 0 begins. In turn each raises the bid, or calls the last one a lie.",
            "3-4 bids that among the dice of both at least three show a 4.",
            "The highest face is wild: it counts as any.",
            "A bid must be of more dice than the last one, or of as many dice and a higher face.",
            "Liar ends the game. If the last bid was true, its bidder wins, else the other.",
            "A win pays +1, a loss -1.",
        ),
        text=texts.liars_dice,
        board=boards.liars_dice,
    ),
    "pig": Words(
        "Pig",
        (
            "Players take turns with one die. The first to reach 100 points wins.",
            "In a turn a player rolls as often as they like and adds up what they roll.",
            "stop ends the turn and adds that sum to one's score.",
            "roll throws the die again; a 1 ends the turn, and its sum is lost.",
            "A win pays +1, a loss -1.",
        ),
        board=boards.pig,
    ),
}
