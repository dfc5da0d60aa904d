"""The record of what happened: steps, episodes, and why an episode ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from arena_agents import Observation, Reply
from arena_games.base import Action

__all__ = ["Attempt", "EndReason", "Episode", "Fault", "Step"]


_BY_INVALID_REPLIES = re.compile(r"\d+ invalid replies")


class EndReason(StrEnum):
    """Why an episode ended. Only the first three say something about playing strength.

    An agent that fails when it is asked forfeits, as does one with too many invalid replies. `agent_error`
    is a failure outside the agent (its server's, its worker's) or of an agent of the house.
    """

    FINISHED = "finished"
    TRUNCATED = "truncated"
    FORFEIT = "forfeit"
    AGENT_ERROR = "agent_error"
    GAME_ERROR = "game_error"

    @property
    def rated(self) -> bool:
        return self not in (EndReason.AGENT_ERROR, EndReason.GAME_ERROR)


class Fault(StrEnum):
    """Why a reply was invalid: cut off at the limit of its length, not to be read, or against the rules."""

    CUT_OFF = "cut off"
    UNREADABLE = "unreadable"
    ILLEGAL = "illegal"


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A reply that could not be played and was asked for again: why, and the agent's time.

    It was `illegal` if it could be read and named what may not be played, else it could not be read.
    """

    reply: Reply
    invalid: str
    illegal: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One decision of one seat and what it earned.

    `action` is what was played: the reply's, or a random legal one when `invalid` says why not. `name` is
    what the position called it, where positions name their actions. An invalid reply was `illegal` if it
    could be read, but what it named could not be played.
    `reward` is the game's, less the format penalty; it includes all that the seat was paid up to
    its next decision or its end. `seconds` is the agent's time, shared evenly over its batch, that of the
    `attempts` included: replies before this one, after each of which the agent was asked again.
    """

    seat: int
    observation: Observation
    reply: Reply
    action: Action
    invalid: str | None
    reward: float
    seconds: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    name: str | None = None
    illegal: bool = False

    @property
    def fault(self) -> Fault | None:
        """What was wrong with an invalid reply."""
        if self.invalid is None:
            return None
        if self.illegal:
            return Fault.ILLEGAL
        usage = self.reply.usage
        return Fault.CUT_OFF if usage is not None and usage.finish == "length" else Fault.UNREADABLE

    @property
    def invalid_at_first(self) -> bool:
        """Whether the first reply to this decision was invalid, whatever came of it."""
        return bool(self.attempts) or self.invalid is not None


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One match from reset to end. Tuples are by seat, except `steps` (in playing order).

    `returns` are the sums of the seats' rewards; `placements` start at 1 and may tie;
    `successes` is what the game's page calls success. `detail` says what went wrong, if anything,
    and `culprit` names the agent to which it is charged; `failure` is the reply that it failed with,
    and `abandoned` are the attempts at that decision before.
    """

    id: str
    game: str
    version: int
    seed: int
    players: tuple[str, ...]
    steps: tuple[Step, ...]
    returns: tuple[float, ...]
    placements: tuple[int, ...]
    successes: tuple[bool, ...]
    end: EndReason
    detail: str | None = None
    culprit: str | None = None
    failure: Reply | None = None
    abandoned: tuple[Attempt, ...] = ()

    @property
    def match_id(self) -> str:
        """The id of the match: the episode's own, less the number of an attempt that came to nothing."""
        return match_of(self.id, self.players)

    @property
    def failed(self) -> bool:
        """Whether somebody's failure cut it short, be it rated or not; invalid replies are no failure."""
        forfeited = self.end == EndReason.FORFEIT and not is_verdict(self.detail or "")
        return forfeited or not self.end.rated

    def steps_of(self, seat: int) -> tuple[Step, ...]:
        """The steps of one seat, in order."""
        return tuple(step for step in self.steps if step.seat == seat)

    def _repr_html_(self) -> str:
        """How a notebook shows it: step by step."""
        from arena.match.html import render_html  # which imports this module

        return render_html(self)


def match_of(id_: str, players: tuple[str, ...]) -> str:
    """The id of the match between these players that the episode called `id_` is a record of.

    A player may be called `d (attempt 1)`: only what stands behind all names is the number of an attempt.
    """
    found = re.fullmatch(rf"(.*{re.escape(','.join(players))}) \(attempt \d+\)", id_, re.DOTALL)
    return found[1] if found else id_


def verdict(invalid: int) -> str:
    """The detail of a forfeit by so many invalid replies."""
    return f"{invalid} invalid replies"


def is_verdict(detail: str) -> bool:
    """Whether the detail of a forfeit is the referee's `verdict`, and not the agent's failure."""
    return _BY_INVALID_REPLIES.fullmatch(detail) is not None
