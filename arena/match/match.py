"""What is to be played: `Match`, and by which rules: `MatchConfig`."""

from __future__ import annotations

from dataclasses import dataclass

from arena_games.base import GameSpec, UsageError

__all__ = ["Match", "MatchConfig"]


@dataclass(frozen=True, slots=True)
class Match:
    """A game to be played: who holds which seat, from which seed.

    Matches that share `seed` share the game's own randomness; `repeat` tells them apart and
    enters the private seeds of every decision. `players` are agent names by seat. A failure outside an agent
    leaves the match to be played again, unless it is the `last_try`: then it is forfeited.
    """

    spec: GameSpec
    seed: int
    players: tuple[str, ...]
    repeat: int = 0
    last_try: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.spec, GameSpec):
            raise UsageError(f"a match is of a GameSpec: find_game({self.spec!r})")
        if len(self.players) != self.spec.seats:
            raise ValueError(f"{self.spec.name} has {self.spec.seats} seats, not {len(self.players)}")

    @property
    def id(self) -> str:
        return f"{self.spec.name}:{self.seed}:{self.repeat}:{','.join(self.players)}"


@dataclass(frozen=True, slots=True)
class MatchConfig:
    """How matches are run.

    `format_penalty` is taken from the reward of a decision whose reply was invalid; a random
    legal action is played instead. `max_invalid` invalid replies of one seat forfeit the match
    (None: never). `deadline_s` bounds one call of an agent (None: not at all). An invalid reply is
    asked for again up to `rethink` times; what counts as invalid is then what is so after all.

    Raises UsageError for a deadline that is no number of seconds above 0; infinity is one.
    """

    format_penalty: float = 0.0
    max_invalid: int | None = None
    deadline_s: float | None = None
    concurrency: int = 64
    rethink: int = 0

    def __post_init__(self) -> None:
        if self.deadline_s is not None and not self.deadline_s > 0:  # nor NaN
            raise UsageError(f"a deadline is a number of seconds above 0, not {self.deadline_s}")
