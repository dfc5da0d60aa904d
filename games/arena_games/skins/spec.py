"""From a game to the same game in skins, `skins:K:NAME`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from arena_games.base import ActionKind, GameSpec, Observation, UsageError
from arena_games.board import Board
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.parsing import parse_position
from arena_games.skins.boards import BoardSkin
from arena_games.skins.drawn import Skin, skin_seed
from arena_games.skins.env import SkinnedEnv
from arena_games.snake.rules import SnakeConfig

VERSION = 1  # of the skins; it enters the version of a game in skins
PREFIX = "skins"
MOST_SKINS = 1_000_000
OF_OPENSPIEL = ("tic_tac_toe", "connect_four", "kuhn_poker")  # with the parameters that they have by default


def split_name(name: str) -> tuple[int, str] | None:
    """K and the plain game's name of `skins:K:NAME`; None for any other name.

    Raises UsageError where K is no number of skins.
    """
    prefix, colon, rest = name.partition(":")
    number, second, plain = rest.partition(":")
    if prefix != PREFIX or not colon:
        return None
    if not second or not plain or not number.isdecimal() or not 0 < int(number) <= MOST_SKINS:
        raise UsageError(f"{name!r}: write {PREFIX}:K:GAME with a number K of skins, as in {PREFIX}:8:snake")
    return int(number), plain


def has_skins(spec: GameSpec) -> bool:
    """Whether a game can be put into skins: ours, and the plain forms of three games of OpenSpiel."""
    return spec.plain is None and (
        isinstance(spec.config, FrozenLakeConfig | SnakeConfig) or _of_openspiel(spec) is not None
    )


def _of_openspiel(spec: GameSpec) -> str | None:
    """The game's name in OpenSpiel, if it is one that has skins."""
    rules: Any = spec.config
    short = getattr(rules, "short_name", None)
    usual = short in OF_OPENSPIEL and dict(rules.parameters) == dict(rules.kind.parameter_specification)
    return short if usual else None


def skinned(spec: GameSpec, skins: int) -> GameSpec:
    """The game in so many skins, of which each episode's seed picks one.

    Raises UsageError for a game that has none.
    """
    if not has_skins(spec):
        known = f"frozen-lake, the snakes, and openspiel: {', '.join(OF_OPENSPIEL)}"
        raise UsageError(f"{spec.name} has no skins; those that have: {known}")
    if not 0 < skins <= MOST_SKINS:
        raise UsageError(f"from 1 to {MOST_SKINS:,} skins can be asked for, not {skins}")
    plain_env, listed, draw = spec.make_env, spec.action_names, _drawing(spec)
    kind = _of_openspiel(spec) or type(spec.config).__name__

    @lru_cache(maxsize=4096)
    def skin(number: int) -> Skin:
        return draw(np.random.Generator(np.random.PCG64(skin_seed(kind, number))))

    def skin_of(seed: int | None) -> Skin:
        return skin(skin_number(seed, skins))

    return replace(
        spec,
        name=f"{PREFIX}:{skins}:{spec.name}",
        plain=spec.name,
        version=100 * VERSION + spec.version,
        kind=ActionKind.POSITION,
        actions={},
        count=spec.action_count,
        rules=() if _of_openspiel(spec) else spec.rules,  # they name pieces and cards, which a position does
        parse=parse_position(case_matters=False),
        make_env=lambda: SkinnedEnv(plain_env(), skin_of, listed),
        board=_board(spec),
    )


def skin_number(seed: int | None, skins: int) -> int:
    """Which of K skins an episode wears, from 0 on: a hash of its seed, modulo K."""
    return skin_seed("episode", seed) % skins


def _drawing(spec: GameSpec) -> Callable[[np.random.Generator], Skin]:
    """How a skin of this game is drawn."""
    config: Any = spec.config
    if isinstance(config, FrozenLakeConfig | SnakeConfig):
        return lambda rng: BoardSkin.drawn(rng, config)
    from arena_games.skins.openspiel import ConnectFourSkin, KuhnSkin, TicTacToeSkin

    drawings: dict[str | None, Callable[[np.random.Generator], Skin]] = {
        "tic_tac_toe": TicTacToeSkin.drawn,
        "connect_four": lambda rng: ConnectFourSkin.drawn(rng, spec.count),
        "kuhn_poker": KuhnSkin.drawn,
    }
    return drawings[_of_openspiel(spec)]


def _board(spec: GameSpec) -> Callable[[Observation], Board | None] | None:
    """A position as people see it: as it lies in the skin."""
    if _of_openspiel(spec) in ("tic_tac_toe", "connect_four"):
        from arena_games.skins.openspiel import drawn_board

        return lambda observation: drawn_board(observation.text)
    return spec.board


def both(games: Iterable[GameSpec], skins: int | None) -> list[GameSpec]:
    """Each game, and behind it the same game in so many skins; the games alone without a number.

    Raises UsageError for a game that has none.
    """
    return [one for spec in games for one in ((spec,) if skins is None else (spec, skinned(spec, skins)))]
