"""What is known of a game of OpenSpiel before it is played: its words, its limits, what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyspiel

from arena_games.openspiel.words import Words

MOST_TURNS = 300  # of a seat, unless the game's own limit is lower or the spec says `cut=N`
MOST_LISTED = 128  # legal actions that a text lists
SHOWN = 12  # of more than that
GameType = pyspiel.GameType


@dataclass(frozen=True)
class Rules:
    """A loaded game, under the name by which it was asked for. `words` are ours, if we have any for it."""

    name: str
    game: Any
    parameters: Mapping[str, Any]
    words: Words
    cut: int | None = None

    @cached_property
    def kind(self) -> Any:
        """OpenSpiel's own description."""
        return self.game.get_type()

    @property
    def short_name(self) -> str:
        return str(self.kind.short_name)

    @property
    def specification(self) -> Mapping[str, Any]:
        """Its parameters, with their defaults."""
        return dict(self.kind.parameter_specification)

    @cached_property
    def horizon(self) -> int:
        """The turns of a seat after which an episode is cut."""
        longest = int(self.game.max_game_length())
        return max(1, min(longest, self.cut or MOST_TURNS))

    @cached_property
    def at_once(self) -> bool:
        """Whether seats may move at the same time."""
        return bool(self.kind.dynamics == GameType.Dynamics.SIMULTANEOUS)

    @cached_property
    def may_move_at_once(self) -> bool:
        """Whether some position may have several seats to move, or the game does not say that none has."""
        return bool(self.kind.dynamics != GameType.Dynamics.SEQUENTIAL)

    @cached_property
    def has_chance(self) -> bool:
        return bool(self.kind.chance_mode != GameType.ChanceMode.DETERMINISTIC)

    @cached_property
    def open_state(self) -> bool:
        """Whether seats take turns and nothing is hidden from anybody."""
        open_ = self.kind.information == GameType.Information.PERFECT_INFORMATION
        return bool(open_ and not self.at_once and not self.draws_for_itself)

    @cached_property
    def pays_at_the_end(self) -> bool:
        return bool(self.kind.reward_model == GameType.RewardModel.TERMINAL)

    @cached_property
    def draws_for_itself(self) -> bool:
        """Whether the game has a generator of its own, which then is seeded anew for every episode."""
        return "rng_seed" in self.specification

    def loaded(self, seed: int) -> Any:
        """The game with a generator of that seed."""
        return pyspiel.load_game(self.short_name, {**self.parameters, "rng_seed": seed})

    def seat_name(self, seat: int) -> str:
        """What a seat is called in the texts."""
        names = self.words.seats
        return names[seat] if seat < len(names) else f"player {seat}"

    def text(self, state: Any, seat: int, last: str, listing: str) -> str:
        """What a seat is shown: who it is, the position, the last move if all may see it, what it may do.

        `listing` is the line of the legal actions (see `listed`), empty where there are none.
        """
        before = f"Last move: {last}.\n\n" if last and listing else f"Last move: {last}." if last else ""
        shown = f"{self._who[seat]}\n\n{self.shown(state, seat).rstrip()}"
        return f"{shown}\n\n{before}{listing}" if before or listing else shown

    @cached_property
    def named_before(self) -> dict[tuple[str, ...], tuple[tuple[str, ...], str]]:
        """Legal actions as environments of this game have named and listed them; matches share positions."""
        return {}

    @cached_property
    def _who(self) -> list[str]:
        seats = range(self.game.num_players())
        if len(seats) == 1:
            return ["You play alone."]
        return [f"You are {self.seat_name(seat)}." for seat in seats]

    @cached_property
    def shown(self) -> Callable[[Any, int], str]:
        """The text of a state for a seat. What is hidden from it is not in OpenSpiel's strings for it."""
        if self.words.text is not None:
            return self.words.text
        hidden = self.kind.information != GameType.Information.PERFECT_INFORMATION
        remembers = self.kind.provides_information_state_string and hidden
        if remembers or not self.kind.provides_observation_string:
            return lambda state, seat: str(state.information_state_string(seat))
        return lambda state, seat: str(state.observation_string(seat))

    @cached_property
    def plane_shape(self) -> tuple[int, int, int] | None:
        """The shape (C, H, W) of the game's tensor as planes; None where it has none."""
        kind, game = self.kind, self.game
        hidden = kind.information != GameType.Information.PERFECT_INFORMATION
        if kind.provides_information_state_tensor and (hidden or not kind.provides_observation_tensor):
            return _as_planes(game.information_state_tensor_shape())
        return _as_planes(game.observation_tensor_shape()) if kind.provides_observation_tensor else None

    def planes(self, game: Any) -> tuple[Any, Any, tuple[int, int, int]] | None:
        """An observer of the game, the array that it fills, and that array's shape as planes."""
        if self.plane_shape is None:
            return None
        hidden = self.kind.information != GameType.Information.PERFECT_INFORMATION
        remembers = self.kind.provides_information_state_tensor and (
            hidden or not self.kind.provides_observation_tensor
        )
        wanted = pyspiel.IIGObservationType(perfect_recall=bool(remembers))
        observer = pyspiel._Observation(game, game.make_observer(wanted, {}))
        return observer, np.frombuffer(observer, np.float32).reshape(self.plane_shape), self.plane_shape


def _as_planes(shape: Sequence[int]) -> tuple[int, int, int] | None:
    sides = [int(side) for side in shape if side != 1] or [1]
    if len(shape) == 3:
        return int(shape[0]), int(shape[1]), int(shape[2])
    if len(sides) == 2:
        return 1, sides[0], sides[1]
    return (int(np.prod(sides)), 1, 1)


def listed(names: Sequence[str]) -> str:
    """What may be played, in a line; of very many some, and how many there are."""
    joined = ", ".join(names)
    comma = ", " if joined.count(", ") < len(names) else "; "
    if len(names) <= MOST_LISTED:
        return f"Legal actions: {joined if comma == ', ' else comma.join(names)}"
    some = [names[place * len(names) // SHOWN] for place in range(SHOWN)]
    return f"Legal actions: {len(names)}, written like {comma.join(some)}"
