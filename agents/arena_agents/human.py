"""A human at the keyboard, as an agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from arena_agents.base import Agent, Reply
from arena_games.base import Action, Observation, action_reply

RESIGNED = "resigned"
QUIT = ("q", "quit")
KEYS = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left",
    "\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left",
    "w": "up", "s": "down", "d": "right", "a": "left",
}  # fmt: skip


class HumanAgent(Agent):
    """Shows each observation and asks for a move: arrow keys, W A S D, an action's name or number.

    `q` resigns, as does the end of the input. `read` returns one key or line at a time and raises
    EOFError at the end; by default single keys from a terminal, whole lines from anything else.
    """

    name = "human"

    def __init__(self, console: Console | None = None, read: Callable[[], str] | None = None) -> None:
        self._console = console or Console()
        self._read = read or (read_key if sys.stdin.isatty() else input)

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """One reply per observation; a resignation is an error that is charged to the human."""
        return [self._reply(observation) for observation in observations]

    def _reply(self, observation: Observation) -> Reply:
        self._show(observation)
        while True:
            try:
                typed = self._read()
            except EOFError:
                return Reply("", error=RESIGNED)
            if typed.strip().lower() in QUIT:
                return Reply("", error=RESIGNED)
            action = chosen(observation, typed)
            if action is not None:
                return Reply(action_reply(observation.name_of(action)))
            self._console.print(Text(f"{typed!r} is no move here: {_offer(observation)}", style="yellow"))

    def _show(self, observation: Observation) -> None:
        self._console.print(Rule(Text(f"{observation.game}, turn {observation.turn + 1}")))
        self._console.print(Text(_harmless(observation.text)))
        self._console.print(Text(f"Your move: {_offer(observation)}", style="bold"))


def chosen(observation: Observation, typed: str) -> Action | None:
    """The legal action that a key, a name or a number (from 1) means, or None.

    Where positions name their actions, a number counts those; in a game of free text all that is typed
    is said.
    """
    if not observation.legal:
        return typed.strip() or None
    if observation.names:
        return _named(observation, typed.strip())
    word = KEYS.get(typed, typed).strip().lower()
    word = KEYS.get(word, word)
    names = [name.lower() for name in observation.action_names]
    if word in names:
        action = names.index(word)
    elif word.isdecimal() and len(word) < 4:
        action = int(word) - 1
    else:
        return None
    return action if action in observation.legal else None


def _named(observation: Observation, typed: str) -> int | None:
    """The action of that name, or the only one that differs from it by case alone, or by its number."""
    if typed in observation.names:
        return observation.legal[observation.names.index(typed)]
    near = [i for i, name in enumerate(observation.names) if name.lower() == typed.lower()]
    if len(near) == 1:
        return observation.legal[near[0]]
    number = int(typed) - 1 if typed.isdecimal() and len(typed) < 6 else -1
    return observation.legal[number] if 0 <= number < len(observation.legal) else None


def moves(observation: Observation) -> list[str]:
    """The legal actions as a human may type them: `1 up`, `2 down`, …"""
    if observation.names:
        return [f"{number} {name}" for number, name in enumerate(observation.names, start=1)]
    return [f"{action + 1} {observation.action_names[action]}" for action in observation.legal]


def has_arrows(action_names: Sequence[str]) -> bool:
    """Whether arrow keys and W A S D are moves in a game with these actions."""
    return "up" in action_names


def _harmless(text: str) -> str:
    """The text with all that a terminal would obey, but for line breaks, spelled out."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def _offer(observation: Observation) -> str:
    keys = "arrows or W A S D; " if has_arrows(observation.action_names) else ""
    return f"{', '.join(moves(observation))} ({keys}q resigns)"


def read_key() -> str:
    """One key from the terminal, an arrow key as its whole escape sequence. Raises EOFError."""
    with _unbuffered():
        typed = os.read(sys.stdin.fileno(), 8).decode(errors="replace")
    if typed in ("", "\x04"):
        raise EOFError
    return typed


@contextmanager
def _unbuffered() -> Iterator[None]:
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
