"""A human at the keyboard: what keys mean, what is shown, how to leave."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from arena_agents import Observation
from arena_agents.human import RESIGNED, HumanAgent, chosen
from arena_games.registry import find_game

SNAKE = find_game("snake")


def observation(text: str = "a board", legal: tuple[int, ...] = (0, 1, 2, 3)) -> Observation:
    return Observation("snake", 0, 0, text, legal, action_names=SNAKE.action_names)


def typing(*typed: str) -> Callable[[], str]:
    """A keyboard on which this is typed, and then nothing more."""
    keys = iter(typed)

    def read() -> str:
        try:
            return next(keys)
        except StopIteration:
            raise EOFError from None

    return read


@pytest.mark.parametrize("typed", ["\x1b[A", "\x1bOA", "w", "W", "up", " UP ", "1"], ids=ascii)
def test_many_ways_to_say_up(typed: str) -> None:
    assert chosen(observation(), typed) == 0


@pytest.mark.parametrize("typed", ["", "0", "5", "99999999999", "x", "\x1b", "up up", "²"], ids=ascii)
def test_what_means_nothing(typed: str) -> None:
    assert chosen(observation(), typed) is None


def test_an_illegal_move_is_none() -> None:
    assert chosen(observation(legal=(1, 2)), "up") is None


def test_it_asks_until_it_understands_and_shows_text_as_it_is() -> None:
    screen = io.StringIO()
    human = HumanAgent(Console(file=screen, width=80), typing("what?", "left"))
    (reply,) = human.act([observation("[bold]not markup[/bold]\x1b[2J")])
    assert reply.text == "<action>left</action>"
    assert "[bold]not markup[/bold]\\x1b[2J" in screen.getvalue()
    assert "'what?' is no move here" in screen.getvalue()


@pytest.mark.parametrize("typed", [["q"], ["QUIT"], []], ids=ascii)
def test_leaving_is_a_resignation(typed: list[str]) -> None:
    human = HumanAgent(Console(file=io.StringIO()), typing(*typed))
    assert human.act([observation()])[0].error == RESIGNED
