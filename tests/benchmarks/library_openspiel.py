"""OpenSpiel's games, and random play in its own loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

PREFIX = "openspiel:"
# Smaller than OpenSpiel's own choice, so that random episodes end within minutes.
INSTEAD = {"go": "go(board_size=9)", "y": "y(board_size=9)"}


def names() -> list[str]:
    """Every game that loads with its own parameters."""
    import pyspiel

    found = [kind.short_name for kind in pyspiel.registered_games() if kind.default_loadable]
    return [PREFIX + INSTEAD.get(name, name) for name in found]


def bare_loop(name: str) -> Callable[[], Iterator[None]]:
    """Random play of the game that our name names: text, legal actions and their names, then a move."""
    import pyspiel

    game = pyspiel.load_game(name.removeprefix(PREFIX))
    return lambda: _play(game)


def _play(game: Any) -> Iterator[None]:
    rng, kind = random.Random(0), game.get_type()
    remembers = (
        kind.information != kind.Information.PERFECT_INFORMATION and kind.provides_information_state_string
    )
    remembers = remembers or not kind.provides_observation_string
    while True:
        state = game.new_initial_state()
        while not state.is_terminal():
            if state.is_chance_node():
                outcomes, shares = zip(*state.chance_outcomes(), strict=True)
                state.apply_action(rng.choices(outcomes, shares)[0])
                continue
            at_once = state.is_simultaneous_node()
            moves = []
            for seat in range(game.num_players()) if at_once else [state.current_player()]:
                legal = state.legal_actions(seat)
                if legal:
                    _ = state.information_state_string(seat) if remembers else state.observation_string(seat)
                    _ = [state.action_to_string(seat, action) for action in legal]
                    yield
                moves.append(rng.choice(legal) if legal else 0)
            if at_once:
                state.apply_actions(moves)
            else:
                state.apply_action(moves[0])
