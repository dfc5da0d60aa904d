"""Scripted agents for the arena's tests, by what they do wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from arena_agents import Agent, Observation, Reply

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "[bold]markup[/bold] [link=https://example.org]x[/link]",
    "<script>alert(1)</script><action>up</action>",
    "null\x00byte",
    "lone \ud800 surrogate \udfff and a pair \ud83d\ude00",
    "line\r\nbreaks\u2028and\u2029more",
    "",
    "x" * 1_000_000,
)


class First(Agent):
    """Plays the first legal action."""

    def choose(self, observation: Observation) -> str:
        return f"<action>{observation.legal_names[0]}</action>"


class Seeded(Agent):
    """Plays a legal action drawn from the decision's own generator."""

    def choose(self, observation: Observation) -> str:
        action = int(observation.rng().choice(observation.legal))
        return f"<action>{observation.action_names[action]}</action>"


class Says(Agent):
    """Always says the same."""

    def __init__(self, text: Any = "I do not know.") -> None:
        self.text = text

    def choose(self, observation: Observation) -> str:
        return self.text  # type: ignore[no-any-return]


class Hostile(Agent):
    """Says what no terminal, page or database should choke on, in turn."""

    def choose(self, observation: Observation) -> str:
        return HOSTILE[observation.turn % len(HOSTILE)]


class Raises(Seeded):
    """Fails on its third turn."""

    def choose(self, observation: Observation) -> str:
        if observation.turn == 2:
            raise RuntimeError("no more ideas\nand a second line")
        return super().choose(observation)


class Exits(Agent):
    """Calls sys.exit."""

    def choose(self, observation: Observation) -> str:
        sys.exit("good bye")


class Dies(Seeded):
    """Takes its whole process with it on its third turn."""

    def choose(self, observation: Observation) -> str:
        if observation.turn == 2:
            os._exit(7)
        return super().choose(observation)


class Hangs(Agent):
    """Never returns, as far as a test can wait."""

    def choose(self, observation: Observation) -> str:
        time.sleep(3600)
        return ""


class TooFew(Agent):
    """Loses replies."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return []


class NoList(Agent):
    """Returns nothing at all."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return None  # type: ignore[return-value]


class Strings(Agent):
    """Returns strings where replies are expected."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return ["up"] * len(observations)  # type: ignore[list-item]


class Slow(Seeded):
    """Takes its time, so that a test can interrupt."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        time.sleep(0.01)
        return super().act(observations)
