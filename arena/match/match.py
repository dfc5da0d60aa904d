"""What is to be played: `Match`, and by which rules: `MatchConfig`."""

from __future__ import annotations

from dataclasses import dataclass

from arena_games.base import GameSpec

__all__ = ["Match", "MatchConfig"]


@dataclass(frozen=True, slots=True)
class Match:
    """A game to be played: who holds which seat, from which seed.

    Matches that share `seed` share the game's own randomness; `repeat` tells them apart and
    enters the private seeds of every decision. `players` are agent names by seat.
    """

    spec: GameSpec
    seed: int
    players: tuple[str, ...]
    repeat: int = 0

    def __post_init__(self) -> None:
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
    """

    format_penalty: float = 0.0
    max_invalid: int | None = None
    deadline_s: float | None = None
    concurrency: int = 64
    rethink: int = 0
