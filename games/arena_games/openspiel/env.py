"""A game of OpenSpiel as a PettingZoo AEC environment with the Dict observations of the house."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from gymnasium import spaces

from arena_games.base import Action, Grid
from arena_games.openspiel.rules import Rules
from arena_games.turns import LONGEST_NAME, AnyText, TurnsEnv

SEEDS = 2**31 - 1  # that games take which draw for themselves


class OpenSpielEnv(TurnsEnv):
    """Each seat sees the game's own text for it, with what it may do; never what is hidden from it.

    Chance is drawn from the episode's seed; a game that draws for itself is loaded with one drawn from it.
    """

    def __init__(self, rules: Rules) -> None:
        game = rules.game
        shape = rules.plane_shape
        observed: dict[str, spaces.Space[Any]] = {
            "action_mask": spaces.Box(0, 1, (game.num_distinct_actions(),), np.int8),
            "action_names": spaces.Sequence(AnyText(LONGEST_NAME, min_length=0)),
        }
        if shape is not None:
            observed["grid"] = spaces.Box(-np.inf, np.inf, shape, np.float32)
        super().__init__(
            rules.name,
            game.num_players(),
            observed,
            spaces.Discrete(game.num_distinct_actions()),
            horizon=rules.horizon,
            at_once=rules.at_once,
        )
        self._rules, self._game, self._actions = rules, game, game.num_distinct_actions()
        self._hides, self._late = not rules.open_state, rules.pays_at_the_end
        self._all = tuple(range(game.num_players()))
        self._planes = rules.planes(game)
        self._views: dict[int, dict[str, Any]] = {}
        self._legal: dict[int, list[int]] = {}

    def begin(self) -> None:
        if self._rules.draws_for_itself:
            self._game = self._rules.loaded(int(self.rng.integers(SEEDS)))
            self._planes = self._rules.planes(self._game)
        self._state = self._game.new_initial_state()
        self._last = ""
        self._views.clear()
        self._settle()

    def state(self) -> tuple[int, ...]:
        """All actions so far, those of chance included."""
        return tuple(self._state.history())

    def movers(self) -> Sequence[int]:
        state = self._state
        if state.is_terminal():
            self._legal = {}
            return ()
        if not state.is_simultaneous_node():
            seat = state.current_player()
            self._legal = {seat: state.legal_actions()}
            return (seat,)
        self._legal = {seat: state.legal_actions(seat) for seat in self._all}
        return tuple(seat for seat, legal in self._legal.items() if legal)

    def view(self, seat: int) -> dict[str, Any]:
        """Nobody moves before the last who is asked, so a view holds until then."""
        if seat not in self._views:
            self._views[seat] = self._seen(seat)
        return dict(self._views[seat])

    def _seen(self, seat: int) -> dict[str, Any]:
        state = self._state
        legal = self._legal.get(seat, [])
        names = _unlike([state.action_to_string(seat, action) for action in legal], legal)
        mask = np.zeros(self._actions, np.int8)
        mask[legal] = 1
        text = self._rules.text(state, seat, self._last, names)
        seen = {"text": text, "action_mask": mask, "action_names": names}
        if self._planes is not None:
            seen["grid"] = self._grid(seat)
        return seen

    def _grid(self, seat: int) -> Grid:
        observer, values, shape = self._planes  # type: ignore[misc]
        observer.set_from(self._state, seat)
        grid: Grid = values.reshape(shape).copy()
        return grid

    def move(self, moves: Mapping[int, Action]) -> None:
        state = self._state
        for seat, action in moves.items():
            if action not in self._legal[seat]:
                raise ValueError(f"action {action!r} of seat {seat} is not legal")
        if state.is_simultaneous_node():
            state.apply_actions([moves.get(seat, 0) for seat in self._all])
        else:
            if not self._hides:
                self._last = self._named(seat, action)
            state.apply_action(action)
        self._views.clear()
        self._settle()

    def _named(self, seat: int, action: Action) -> str:
        if seat in self._views:
            name: str = self._views[seat]["action_names"][self._legal[seat].index(action)]  # type: ignore[arg-type]
            return f"{self._rules.seat_name(seat)} played {name}"
        return f"{self._rules.seat_name(seat)} played {self._state.action_to_string(seat, action)}"

    def _settle(self) -> None:
        """Let chance have its moves."""
        state = self._state
        while state.is_chance_node():
            outcomes = state.chance_outcomes()
            heights = list(accumulate([share for _, share in outcomes]))
            place = bisect_right(heights, self.rng.random() * heights[-1])
            state.apply_action(outcomes[min(place, len(outcomes) - 1)][0])

    def totals(self) -> Sequence[float] | None:
        if self._late and not self._state.is_terminal():
            return None
        totals: Sequence[float] = self._state.returns()
        return totals


def _unlike(names: list[str], actions: Sequence[int]) -> tuple[str, ...]:
    """The names, in one line each; two that are alike are told apart by their numbers."""
    if "" in names or any(name[0] == " " or name[-1] == " " for name in names) or "\n" in "".join(names):
        names = [
            " ".join(name.split()) or f"action {action}" for name, action in zip(names, actions, strict=True)
        ]
    if len(set(names)) < len(names):
        names = [
            f"{name} #{action}" if names.count(name) > 1 else name
            for name, action in zip(names, actions, strict=True)
        ]
    return tuple(names)
