"""From `openspiel:NAME(param=value,…)` to a `GameSpec`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pyspiel

from arena_games.base import ActionKind, GameSpec, Observation
from arena_games.board import Board
from arena_games.openspiel.env import OpenSpielEnv
from arena_games.openspiel.load import known_games, load_rules, silent
from arena_games.openspiel.rules import GameType, Rules
from arena_games.parsing import parse_position
from arena_games.references import tried

__all__ = ["find", "known_games"]
VERSION = 1
LARGEST_MATRIX = 4  # actions of each seat, up to which a game's payoffs are said


def find(reference: str, name: str) -> GameSpec:
    """The game of this reference, as a spec of this name. Raises UsageError if there is none."""
    rules = load_rules(reference, name)
    words, seats = rules.words, rules.game.num_players()
    spec = GameSpec(
        name=name,
        version=VERSION,
        seats=seats,
        open_seats=tuple(range(seats)),
        house=(),
        actions={},
        horizon=rules.horizon,
        make_env=partial(OpenSpielEnv, rules),
        task=_task(rules),
        rules=words.rules or _rules(rules),
        success="more points than everybody else" if seats > 1 else "more than 0 points",
        parse=parse_position(case_matters=words.case_matters, aliases=words.aliases),
        config=rules,
        board=None if words.board is None else partial(_drawn, words.board),
        kind=ActionKind.POSITION,
        count=rules.game.num_distinct_actions(),
        open_state=rules.open_state,
        centred=False,
    )
    with silent():
        return tried(spec, rules.specification)


def _drawn(draw: Callable[[str], Board | None], observation: Observation) -> Board | None:
    return draw(observation.text)


def _task(rules: Rules) -> str:
    title = rules.words.title or str(rules.kind.long_name)
    others = rules.game.num_players() - 1
    against = {0: "", 1: " against another player"}.get(others, f" against {others} others")
    return f"You are playing {title}{against}. Earn as many points as you can."


def _rules(rules: Rules) -> tuple[str, ...]:
    """What can be said of a game whose rules we have no words for."""
    kind, game = rules.kind, rules.game
    hidden = kind.information == GameType.Information.IMPERFECT_INFORMATION
    given = {key: value for key, value in rules.parameters.items() if value not in ("", None)}
    settings = ", ".join(f"{key} {value}" for key, value in given.items() if "\n" not in str(value))
    said = [
        f"This is {kind.long_name} as in OpenSpiel ({kind.short_name})"
        + (f": {settings}." if settings else "."),
        *["All players move at the same time."] * rules.at_once,
        *["Some of it is hidden from you; you are shown what you may know."] * hidden,
        *["Chance has a part in it."] * (kind.chance_mode != GameType.ChanceMode.DETERMINISTIC),
        f"It pays from {game.min_utility():g} to {game.max_utility():g} in all"
        + (", at the end." if rules.pays_at_the_end else "."),
        *_payoffs(rules),
    ]
    return tuple(said)


def _payoffs(rules: Rules) -> list[str]:
    """Of a game that two play once, at the same time: what each pair of actions pays."""
    if rules.kind.information != GameType.Information.ONE_SHOT or rules.game.num_players() != 2:
        return []
    state = rules.game.new_initial_state()
    first, second = state.legal_actions(0), state.legal_actions(1)
    if max(len(first), len(second)) > LARGEST_MATRIX:
        return []
    return [_payoff(state.clone(), one, other) for one in first for other in second]


def _payoff(state: pyspiel.State, one: int, other: int) -> str:
    names = state.action_to_string(0, one), state.action_to_string(1, other)
    state.apply_actions([one, other])
    pays = state.returns()
    return f"player 0 {names[0]}, player 1 {names[1]}: player 0 gets {pays[0]:g}, player 1 gets {pays[1]:g}."
