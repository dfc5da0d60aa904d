"""Our own words for Gymnasium's toy-text environments, and how any drawing is shown as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arena_games.base import Observation
from arena_games.board import Board
from arena_games.gym import boards

_PAINTED = re.compile(r"\x1b\[([\d;]*)m(.*?)\x1b\[0?m", re.DOTALL)
_ANY_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
BACKGROUNDS = range(40, 48)


@dataclass(frozen=True)
class Words:
    """What we know of an environment; `text` is told the environment and an observation of it."""

    actions: Mapping[str, str]
    task: str
    rules: tuple[str, ...]
    text: Callable[[Any, Any], str]
    success: str = "more than 0 points"
    succeeded: Callable[[float, bool], bool] = lambda total, terminated: total > 0
    board: Callable[[Observation], Board | None] | None = None


def plain(drawing: str) -> str:
    """A drawing without colours: what stands on a coloured ground, as players do, is put in brackets."""

    def shown(painted: re.Match[str]) -> str:
        codes = [int(code) for code in painted[1].split(";") if code]
        return f"[{painted[2]}]" if any(code in BACKGROUNDS for code in codes) else painted[2]

    return _ANY_COLOUR.sub("", _PAINTED.sub(shown, drawing))


def drawn(env: Any, observation: Any) -> str:
    """The environment's own drawing."""
    return plain(str(env.render())).strip("\n")


LETTERS = "RGYB"


def taxi(env: Any, observation: Any) -> str:
    """The map, and where everything is in words: the drawing tells it by colours alone."""
    row, column, passenger, goal = env.unwrapped.decode(int(observation))
    where = "in the taxi" if passenger == len(LETTERS) else f"waiting at {LETTERS[passenger]}"
    return (
        f"{drawn(env, observation)}\nThe taxi is in row {row}, column {column}. The passenger is {where}, "
        f"and wants to go to {LETTERS[goal]}."
    )


def cliff(env: Any, observation: Any) -> str:
    """The map, and where the player stands."""
    row, column = divmod(int(observation), 12)
    return f"{drawn(env, observation)}\nYou are in row {row}, column {column}."


def blackjack(env: Any, observation: Any) -> str:
    """The sums."""
    own, dealer, ace = (int(number) for number in observation)
    usable = "with an ace that counts 11" if ace else "without an ace that could count 11"
    return f"Your sum: {own}, {usable}.\nThe dealer shows: {'ace' if dealer == 1 else dealer}."


MOVES = {"up": "one row up", "right": "one column right", "down": "one row down", "left": "one column left"}

WORDS = {
    "Taxi": Words(
        {
            "south": "one row down",
            "north": "one row up",
            "east": "one column right",
            "west": "one column left",
            "pick-up": "take the passenger into the taxi",
            "drop-off": "let the passenger out",
        },
        "You drive a taxi. Fetch the passenger and take them where they want to go, in few moves.",
        (
            "The map has 5 rows and 5 columns, numbered from 0, row 0 on top; the taxi stands in brackets.",
            "R is at row 0, column 0; G at row 0, column 4; Y at row 4, column 0; B at row 4, column 3.",
            "A | is a wall that cannot be driven through; a : can.",
            "Every move costs 1. Picking up or dropping off in the wrong place costs 10.",
            "Dropping the passenger off where they want to go pays 20 and ends the game.",
        ),
        taxi,
        "the passenger arrived",
        lambda total, terminated: terminated,
        boards.taxi,
    ),
    "CliffWalking": Words(
        MOVES,
        "You walk along a cliff. Reach the goal in few moves, and do not fall.",
        (
            "The map has 4 rows and 12 columns, numbered from 0, row 0 on top.",
            "x is you, T the goal, C the cliff, o firm ground. You start in row 3, column 0.",
            "Every move costs 1. A step onto the cliff costs 100 and takes you back to the start.",
            "The game ends at the goal, in row 3, column 11.",
        ),
        cliff,
        "the goal was reached",
        lambda total, terminated: terminated,
        boards.cliff,
    ),
    "FrozenLake": Words(
        {"left": MOVES["left"], "down": MOVES["down"], "right": MOVES["right"], "up": MOVES["up"]},
        "You cross a frozen lake. Reach the goal and do not fall into a hole.",
        (
            "S is the start, F ice, H a hole, G the goal; you stand in brackets.",
            "On slippery ice a move goes where intended or to either side of that, each 1 time in 3.",
            "The goal pays 1 and ends the game; a hole ends it without pay.",
        ),
        drawn,
        "the goal was reached",
        board=boards.frozen_lake,
    ),
    "Blackjack": Words(
        {"stick": "take no more cards", "hit": "take one more card"},
        "You play blackjack against the dealer. Come nearer to 21 than the dealer, and not over it.",
        (
            "Cards 2 to 10 count what they show, pictures 10, an ace 1 or, where that fits, 11.",
            "Over 21 loses at once. After stick the dealer draws up to 17 or more.",
            "A win pays 1, a draw 0, a loss -1.",
        ),
        blackjack,
        board=boards.blackjack,
    ),
}
for _name in ("CliffWalkingSlippery", "FrozenLake8x8"):
    WORDS[_name] = WORDS[_name.removesuffix("Slippery").removesuffix("8x8")]
