"""What a game is: the records that pass between a game and everything that plays it.

A game is a Text-Mediated Stochastic Game (arXiv 2508.10839): players, states, actions, text
observations, transitions and rewards. Here that is a `GameSpec` (names, limits, words, the parser)
and the PettingZoo AEC environment that `GameSpec.make_env` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena_games.board import Board

Grid = NDArray[np.float32]
LONGEST_HORIZON = 100_000  # turns of a seat


class UsageError(ValueError):
    """Something the user can put right; the message is one line that names the remedy."""


class ActionKind(StrEnum):
    """What an action of a game is.

    LIST: one of the spec's names, the same ones all the time; only which of them are legal changes.
    POSITION: one of the names that this position gives, in the game's own notation (chess moves); behind
    each is the number of an action. TEXT: what the player says; the game alone judges it.
    """

    LIST = "list"
    POSITION = "position"
    TEXT = "text"


Action = int | str  # its number, or in a game of free text what is said


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reply to this very decision that could not be played, and why.

    It was `illegal` if it could be read and named what may not be played, else it could not be read.
    """

    text: str
    reason: str
    illegal: bool


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """All that one seat may know when it is asked to act.

    `legal` are the actions that may be played now, by number; `legal_names` names them. Where the position
    names its actions, `names` are those of `legal`, in its order, else a number is a place in `action_names`.
    In a game of free text `legal` is empty, and `names` are what the game suggests to say, if anything.
    `grid` is the numeric view, float32 planes (C, H, W), or None where a game has none.
    `history` is the game's own account of earlier turns, oldest first: agents keep no memory.
    `recent` are the seat's last turns, oldest first, as many as the spec's `memory` says: what it was shown
    and what it replied. `state` is the game's own record of all that led here, for agents that search (see
    `GameSpec.open_state`).
    `seed` is private randomness for this decision: the same episode always gives the same one.
    `action_names` and `spec`, the game itself, are put in by the referee, so that no agent has to look
    its game up; they are empty in an observation that was read back from a stored run. `rejected` are
    the seat's earlier replies to this decision, oldest first: a seat is asked again only where the match
    allows it (`--rethink`), and with another seed.
    """

    game: str
    seat: int
    turn: int
    text: str
    legal: tuple[int, ...]
    grid: Grid | None = None
    history: tuple[str, ...] = ()
    seed: int = 0
    action_names: tuple[str, ...] = ()
    spec: GameSpec | None = field(default=None, repr=False)
    rejected: tuple[Rejected, ...] = ()
    names: tuple[str, ...] = ()
    state: tuple[int, ...] = ()
    recent: tuple[tuple[str, str], ...] = ()

    @property
    def legal_names(self) -> tuple[str, ...]:
        """The names of the legal actions, in the order of `legal`; in a game of free text its suggestions."""
        return self.names or tuple([self.action_names[action] for action in self.legal])

    def name_of(self, action: Action) -> str:
        """The name of a legal action; what is said is its own name. Raises IndexError or ValueError."""
        if isinstance(action, str):
            return action
        return self.names[self.legal.index(action)] if self.names else self.action_names[action]

    def known_spec(self) -> GameSpec:
        """`spec`, for those who cannot do without. Raises LookupError where no referee has put it in."""
        if self.spec is None:
            raise LookupError(f"this observation of {self.game!r} does not carry its game: set `spec`")
        return self.spec

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied to another process, an observation leaves `spec` behind: it holds the game's own code."""
        names = [field.name for field in fields(self) if field.name != "spec"]
        return partial(Observation, **{name: getattr(self, name) for name in names}), ()

    def rng(self) -> np.random.Generator:
        """A fresh generator for this decision; nothing else in the program draws from it."""
        return np.random.Generator(np.random.PCG64(self.seed))


@dataclass(frozen=True, slots=True)
class Invalid:
    """A reply that names no action, or more than one; `reason` is shown to people.

    `illegal` says that it could be read, but what it names may not be played.
    """

    reason: str
    illegal: bool = False


Parser = Callable[[str, Observation], "int | str | Invalid"]


@dataclass(frozen=True)
class GameSpec:
    """One scenario: what a runner, an agent and a reader need to know before the first move.

    `open_seats` are held by the agents under test; `house` names the agents on the remaining
    seats, in seat order. `kind` says what an action is. `actions` maps each action's name to one line of
    help; an action is its position in that mapping. Where the position names the actions, it is empty, and
    `count` is how many there are; a game of free text has neither, but may suggest what to
    say (`suggests`). `horizon` is the number of turns after
    which an episode is cut.
    `success` says in words what the environment reports as success in its last `infos`.
    `span` are the least and the greatest return of an open seat, where the rules bound it.
    `prudent` narrows the moves of the `random` agent to those that are not pointless.
    `config` is the frozen dataclass of the scenario's numbers, for agents that reason about rules; `variant`
    makes the game of another name under another config, so that each of its numbers can be set.
    `symmetries` of a numeric view are the views of positions that are worth the same, it included, such as
    those of a turned or mirrored board; None where a game names none.
    `board` draws a position for people who watch, from the observation's text; see `arena_games.board`.
    `memory` is how many of its own turns a seat is given with every observation (`Observation.recent`).
    `open_state` says that nothing is hidden from anybody, and the environment's `state()` is part of every
    observation. `centred` says that the first plane of `grid` marks the seat's own piece, around which a
    network looks. `plain` names the game that this one is in disguise, None for all others (see
    `arena_games.skins`).
    """

    name: str
    version: int
    seats: int
    open_seats: tuple[int, ...]
    house: tuple[str, ...]
    actions: Mapping[str, str]
    horizon: int
    make_env: Callable[[], Any]
    task: str
    rules: tuple[str, ...]
    success: str
    parse: Parser = field(repr=False)
    span: tuple[float, float] | None = None
    prudent: Callable[[Observation], tuple[int, ...]] = lambda observation: observation.legal
    config: object = None
    variant: Callable[[str, Any], GameSpec] | None = field(default=None, repr=False)
    board: Callable[[Observation], Board | None] | None = field(default=None, repr=False)
    symmetries: Callable[[Grid], tuple[Grid, ...]] | None = field(default=None, repr=False)
    kind: ActionKind = ActionKind.LIST
    count: int = 0
    suggests: bool = False
    open_state: bool = False
    centred: bool = True
    memory: int = 0
    plain: str | None = None

    def __post_init__(self) -> None:
        """Raises UsageError, in one line, for what nobody could play."""
        if len(self.open_seats) + len(self.house) != self.seats:
            raise UsageError(f"{self.name}: open seats and house agents must add up to {self.seats} seats")
        if self.seats < 1:
            raise UsageError(f"{self.name} has {self.seats} seats; a game has one at least")
        if not 1 <= self.horizon <= LONGEST_HORIZON:
            raise UsageError(
                f"{self.name} has a horizon of {self.horizon:,}; give it 1 to {LONGEST_HORIZON:,} turns"
            )
        if self.kind == ActionKind.LIST and not self.actions:
            raise UsageError(f"{self.name} names no actions; give it one at least")
        for name in (self.name, *self.actions):
            if not is_plain(name):
                raise UsageError(
                    f"{name!r:.80} cannot be a name; write it in one line of printable characters"
                )

    @property
    def versus(self) -> bool:
        """Whether agents under test meet each other in one episode."""
        return len(self.open_seats) > 1

    @property
    def action_names(self) -> tuple[str, ...]:
        return tuple(self.actions)

    @property
    def action_count(self) -> int:
        """How many actions there are, legal or not; 0 in a game of free text."""
        return len(self.actions) or self.count


def is_plain(name: str) -> bool:
    """Whether this can be a name: one line of printable characters, no blank at its ends, not empty."""
    return bool(name) and name.isprintable() and name == name.strip()


def described(actions: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Actions by name, with a line on each, from these or from names alone. Raises UsageError for a name that
    comes twice."""
    if isinstance(actions, Mapping):
        return dict(actions)
    twice = next((name for name in actions if actions.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two actions are called {twice!r:.80}; call each by a name of its own")
    return dict.fromkeys(actions, "an action")


def points(value: float) -> str:
    """A reward as observations print it: `+1`, `-0.5`, `0`."""
    return f"{value:+g}" if value else "0"


def action_reply(name: str) -> str:
    """The shortest valid reply that names an action."""
    return f"<action>{name}</action>"
