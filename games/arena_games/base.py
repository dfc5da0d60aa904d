"""What a game is: the records that pass between a game and everything that plays it.

A game is a Text-Mediated Stochastic Game (arXiv 2508.10839): players, states, actions, text
observations, transitions and rewards. Here that is a `GameSpec` (names, limits, words, the parser)
and the PettingZoo AEC environment that `GameSpec.make_env` makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena_games.board import Board

Grid = NDArray[np.float32]


class UsageError(ValueError):
    """Something the user can put right; the message is one line that names the remedy."""


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

    `legal` are the actions that may be played now, as positions in `action_names`; `legal_names` names them.
    `grid` is the numeric view, float32 planes (C, H, W), or None where a game has none.
    `history` is the game's own account of earlier turns, oldest first: agents keep no memory.
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

    @property
    def legal_names(self) -> tuple[str, ...]:
        """The names of the legal actions, in the order of `legal`."""
        return tuple([self.action_names[action] for action in self.legal])

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


Parser = Callable[[str, Observation], "int | Invalid"]


@dataclass(frozen=True)
class GameSpec:
    """One scenario: what a runner, an agent and a reader need to know before the first move.

    `open_seats` are held by the agents under test; `house` names the agents on the remaining
    seats, in seat order. `actions` maps each action's name to one line of help; an action is its
    position in that mapping. `horizon` is the number of turns after which an episode is cut.
    `success` says in words what the environment reports as success in its last `infos`.
    `prudent` narrows the moves of the `random` agent to those that are not pointless.
    `config` is the frozen dataclass of the scenario's numbers, for agents that reason about rules.
    `symmetries` of a numeric view are the views of positions that are worth the same, it included, such as
    those of a turned or mirrored board; None where a game names none.
    `board` draws a position for people who watch, from the observation's text; see `arena_games.board`.
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
    prudent: Callable[[Observation], tuple[int, ...]] = lambda observation: observation.legal
    config: object = None
    board: Callable[[Observation], Board | None] | None = field(default=None, repr=False)
    symmetries: Callable[[Grid], tuple[Grid, ...]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.open_seats) + len(self.house) != self.seats:
            raise ValueError(f"{self.name}: open seats and house agents must add up to {self.seats} seats")

    @property
    def versus(self) -> bool:
        """Whether agents under test meet each other in one episode."""
        return len(self.open_seats) > 1

    @property
    def action_names(self) -> tuple[str, ...]:
        return tuple(self.actions)


def points(value: float) -> str:
    """A reward as observations print it: `+1`, `-0.5`, `0`."""
    return f"{value:+g}" if value else "0"


_ACTION_TAG = re.compile(r"<action>(.*?)</action>", re.DOTALL | re.IGNORECASE)
_LOOSE_TAG = re.compile(r"</?action>", re.IGNORECASE)


def parse_action_tag(action_names: tuple[str, ...]) -> Parser:
    """The extractor Ψ of the built-in games: exactly one `<action>NAME</action>`, case ignored.

    Anything else is `Invalid`, two different actions or a stray tag included: an ambiguous reply
    is never resolved in the player's favour. The parser is pure and never raises.
    """
    index = {name.lower(): action for action, name in enumerate(action_names)}
    listing = ", ".join(action_names)

    def named(text: str) -> int | Invalid:
        if len(_LOOSE_TAG.findall(text)) > 2:  # counted first: many open tags make the search slow
            return Invalid("more than one action tag in the reply")
        found = _ACTION_TAG.search(text)
        if found is None:
            return Invalid("no <action>…</action> in the reply")
        action = index.get(found[1].strip().lower())
        return (
            Invalid(f"the named action is not one of: {listing}", illegal=True) if action is None else action
        )

    # Most replies are one of these: they need not be searched again.
    bare = {reply: named(reply) for reply in (f"<action>{name}</action>" for name in action_names)}

    def parse(text: str, observation: Observation) -> int | Invalid:
        action = bare[text] if text in bare else named(text)
        if isinstance(action, int) and action not in observation.legal:
            return Invalid(f"{action_names[action]} is not legal now", illegal=True)
        return action

    return parse


def action_reply(name: str) -> str:
    """The shortest valid reply that names an action."""
    return f"<action>{name}</action>"
