"""A game of OpenSpiel as a PettingZoo AEC environment with the Dict observations of the house."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from gymnasium import spaces

from arena_games.base import Action
from arena_games.openspiel.rules import Rules, listed
from arena_games.turns import LONGEST_NAME, AnyText, TurnsEnv

SEEDS = 2**31 - 1  # that games take which draw for themselves
KEPT = 4096  # lists of legal actions whose names have been seen to, of a game


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
        self._at_once, self._chance = rules.may_move_at_once, rules.has_chance
        self._all = tuple(range(game.num_players()))
        self._called = [rules.seat_name(seat) for seat in self._all]
        self._planes = rules.planes(game)
        self._views: dict[int, dict[str, Any]] = {}
        self._legal: dict[int, list[int]] = {}
        self._words = rules.named_before

    def begin(self) -> None:
        if self._rules.draws_for_itself:
            self._game = self._rules.loaded(int(self.rng.integers(SEEDS)))
            self._planes = self._rules.planes(self._game)
        self._state = self._game.new_initial_state()
        self._last = ""
        self._views = {}
        self._settle()

    def state(self) -> tuple[int, ...]:
        """All actions so far, those of chance included."""
        return tuple(self._state.history())

    def movers(self) -> Sequence[int]:
        state = self._state
        if state.is_terminal():
            self._legal = {}
            return ()
        if not (self._at_once and state.is_simultaneous_node()):
            seat = state.current_player()
            self._legal = {seat: state.legal_actions()}
            return (seat,)
        self._legal = {seat: state.legal_actions(seat) for seat in self._all}
        return tuple(seat for seat, legal in self._legal.items() if legal)

    def view(self, seat: int) -> dict[str, Any]:
        """Nobody moves before the last who is asked, so a view holds until then."""
        seen = self._views.get(seat)
        if seen is None:
            seen = self._views[seat] = self._seen(seat)
        return seen.copy()

    def _seen(self, seat: int) -> dict[str, Any]:
        state, legal = self._state, self._legal.get(seat, ())
        called = state.action_to_string
        names, listing = self._named_and_listed(tuple([called(seat, action) for action in legal]), legal)
        mask = bytearray(self._actions)
        for action in legal:
            mask[action] = 1
        text = self._rules.text(state, seat, self._last, listing)
        seen = {"text": text, "action_mask": np.frombuffer(mask, np.int8), "action_names": names}
        if self._planes is not None:
            observer, values, _ = self._planes
            observer.set_from(state, seat)
            seen["grid"] = values.copy()
        return seen

    def _named_and_listed(self, names: tuple[str, ...], legal: Sequence[int]) -> tuple[tuple[str, ...], str]:
        """The names, told apart, and the line of the text that lists them; kept, as positions share them."""
        known = self._words.get(names)
        if known is None:
            apart = _unlike(names, legal)
            known = apart, listed(apart) if apart else ""
            if apart == names:  # else they may depend on the actions' numbers
                if len(self._words) >= KEPT:
                    self._words.clear()
                self._words[names] = known
        return known

    def move(self, moves: Mapping[int, Action]) -> None:
        state = self._state
        for seat, action in moves.items():
            if action not in self._legal[seat]:
                raise ValueError(f"action {action!r} of seat {seat} is not legal")
        if self._at_once and state.is_simultaneous_node():
            state.apply_actions([moves.get(seat, 0) for seat in self._all])
        else:
            if not self._hides:
                self._last = self._named(seat, action)
            state.apply_action(action)
        self._views = {}
        if self._chance:
            self._settle()

    def _named(self, seat: int, action: Action) -> str:
        seen = self._views.get(seat)
        if seen is None:
            return f"{self._called[seat]} played {self._state.action_to_string(seat, action)}"
        name: str = seen["action_names"][self._legal[seat].index(action)]  # type: ignore[arg-type]
        return f"{self._called[seat]} played {name}"

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


def _unlike(names: Sequence[str], actions: Sequence[int]) -> tuple[str, ...]:
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
