"""All that can be known at some decision of a small game of OpenSpiel: its information states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_games.base import UsageError
from arena_games.openspiel.rules import GameType, Rules, listed

MOST = 50_000  # information states


@dataclass(frozen=True, slots=True)
class InformationState:
    """What one seat knows: OpenSpiel's key of it, the text that it is shown, and what it may do."""

    key: str
    seat: int
    text: str
    legal: tuple[int, ...]
    names: tuple[str, ...]


def information_states(rules: Rules) -> dict[str, InformationState]:
    """Every information state of a game in turns, by key. Raises UsageError where there are too many."""
    sequential = rules.kind.dynamics == GameType.Dynamics.SEQUENTIAL
    if not (sequential and rules.kind.provides_information_state_string) or rules.draws_for_itself:
        raise UsageError(f"{rules.name} has no information states that could be gone through")
    found: dict[str, InformationState] = {}
    open_ = [rules.game.new_initial_state()]
    while open_:
        state = open_.pop()
        if state.is_terminal():
            continue
        if not state.is_chance_node():
            _note(rules, state, found)
        open_ += [state.child(action) for action in state.legal_actions()]
    return found


def _note(rules: Rules, state: Any, found: dict[str, InformationState]) -> None:
    seat = state.current_player()
    key = str(state.information_state_string(seat))
    if key in found:
        return
    if len(found) == MOST:
        raise UsageError(f"{rules.name} has more than {MOST:,} information states; name a smaller game")
    legal = tuple(state.legal_actions())
    names = tuple(state.action_to_string(seat, action) for action in legal)
    found[key] = InformationState(key, seat, rules.text(state, seat, "", listed(names)), legal, names)
