"""From what a user types to a game.

snake, frozen-lake, …       built in
NAME                        of an installed plug-in: a `GameSpec`, or a sequence of them, under the entry
                            point `tmsg_arena.games`
module:SPEC, FILE.py:SPEC   a `GameSpec` of the user's, which is then called by this reference
NAME(key=value,…)           one of these with other numbers (see `arena_games.variants`)
openspiel:NAME(param=value) a game of OpenSpiel, and so with the other libraries in `LIBRARIES`
skins:K:GAME                any of these in K skins, see `arena_games.skins`
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from arena_games.base import GameSpec, UsageError
from arena_games.frozen_lake.env import FROZEN_LAKE, FROZEN_LAKE_SLIPPERY
from arena_games.loading import load_object, named_in
from arena_games.skins.spec import skinned, split_name
from arena_games.snake.env import SNAKE, SNAKE_DUEL, SNAKE_POISON, SNAKE_ROYALE
from arena_games.variants import split_numbers, variant, with_numbers

__all__ = [
    "BUILT_IN",
    "find_game",
    "game_specs",
    "is_code",
    "library_games",
    "select_games",
    "stored_game",
]

BUILT_IN = (FROZEN_LAKE, FROZEN_LAKE_SLIPPERY, SNAKE, SNAKE_POISON, SNAKE_DUEL, SNAKE_ROYALE)
_named: dict[str, GameSpec] = {}  # references that `find_game` has followed in this process
_skinned: dict[tuple[str, int], tuple[GameSpec, GameSpec]] = {}  # plain games, and in skins
# By the word before the colon: the module that finds its games, and the package that has to be there.
LIBRARIES = {
    "openspiel": ("arena_games.openspiel.spec", "pyspiel"),
    "gym": ("arena_games.gym.spec", "gymnasium"),
    "textarena": ("arena_games.textarena.spec", "textarena"),
    "pettingzoo": ("arena_games.pettingzoo.spec", "pettingzoo"),
}
MISSPELT = {"gymnasium": "gym", "pyspiel": "openspiel"}
_COMMA = re.compile(r",(?![^()]*\))")  # outside brackets


@cache
def _plug_ins() -> tuple[GameSpec, ...]:
    taken = {spec.name for spec in BUILT_IN}
    found: list[GameSpec] = []
    for point in entry_points(group="tmsg_arena.games"):
        for spec in _load(point):
            if spec.name in taken:
                raise UsageError(f"plug-in {point.name!r} must rename its game: {spec.name!r} is taken")
            taken.add(spec.name)
            found.append(spec)
    return tuple(found)


def _load(point: EntryPoint) -> tuple[GameSpec, ...]:
    try:
        loaded = point.load()
        return (loaded,) if isinstance(loaded, GameSpec) else tuple(loaded)
    except Exception as error:  # a plug-in's import may raise anything
        raise UsageError(
            f"plug-in {point.name!r} ({point.value}) cannot be loaded: {error}; repair or uninstall it"
        ) from error


def game_specs() -> list[GameSpec]:
    """Every registered game, the built-in ones first. Raises UsageError for a broken plug-in."""
    return [*BUILT_IN, *_plug_ins()]


def find_game(name: str) -> GameSpec:
    """A registered game by its name, or any other by its reference, `module:SPEC` or `FILE.py:SPEC`.

    The reference becomes the name of the game: so it is stored, and found again from there; paths are
    relative to the working directory. Raises UsageError, with the remedy, if there is no such game.
    """
    by_name = {spec.name: spec for spec in game_specs()}
    if name in by_name:
        return by_name[name]
    in_skins = split_name(name)
    if in_skins is not None:
        return _in_skins(find_game(in_skins[1]), in_skins[0])
    library, colon, reference = name.partition(":")
    if colon and library in LIBRARIES:
        return _of_library(library, reference.strip(), name)
    if split_numbers(name)[1]:
        return _varied(name)
    if colon:
        return _referenced(name)
    if name.endswith(".py"):
        raise UsageError(f"unknown game {name!r}; {named_in(name, 'game', 'SPEC')}")
    near = difflib.get_close_matches(name, by_name, n=1)
    known = (
        f"known games: {', '.join(by_name)}, {', '.join(f'{one}:NAME' for one in LIBRARIES)}, FILE.py:SPEC"
    )
    raise UsageError(f"unknown game {name!r}; {f'did you mean {near[0]!r}?' if near else known}")


def stored_game(name: str) -> GameSpec:
    """The game that a record names: as `find_game`, but no file or module of a name is imported for it.

    A reference is known once the user has named it (or trusts the record, see `arena.record.trust`) and it
    was found. Raises UsageError for another one, and for unknown games.
    """
    if name in _named:
        return _named[name]
    in_skins = split_name(name)
    if in_skins is not None:
        return _in_skins(stored_game(in_skins[1]), in_skins[0])
    if is_code(name):
        raise UsageError(f"the game {name!r} is Python code, which a record does not start; --trust runs it")
    return find_game(name)


def is_code(name: str) -> bool:
    """Whether finding the game would import Python that no package has registered.

    A library's game is none, but where its reference names a module itself (`gym:module:ID-v0`).
    """
    library, colon, reference = name.partition(":")
    if not colon or name in {spec.name for spec in game_specs()}:
        return False
    in_skins = split_name(name)
    if in_skins is not None:
        return is_code(in_skins[1])
    return library not in LIBRARIES or ":" in reference


@lru_cache(maxsize=256)
def _of_library(library: str, reference: str, name: str) -> GameSpec:
    """A game of another library, made once. Raises UsageError where the library is not installed."""
    found: GameSpec = _library(library, name).find(reference, name)
    return found


def library_games(library: str) -> list[tuple[str, str]]:
    """The games of one of `LIBRARIES`, as they are named here, and a few words on each.

    Raises UsageError where the library is not installed.
    """
    known: list[tuple[str, str]] = _library(library, f"arena list {library}").known_games()
    return [(f"{library}:{name}", about) for name, about in known]


def _library(library: str, wanted_by: str) -> Any:
    module, package = LIBRARIES[library]
    if find_spec(package) is None:
        raise UsageError(f"{wanted_by} needs the package {package}; pip install 'tmsg-arena[{library}]'")
    return import_module(module)


def _in_skins(plain: GameSpec, skins: int) -> GameSpec:
    """The game in skins, made once as long as the plain one is the same."""
    made = _skinned.get((plain.name, skins))
    if made is None or made[0] is not plain:
        made = _skinned[plain.name, skins] = (plain, skinned(plain, skins))
    return made[1]


@lru_cache(maxsize=256)
def _varied(name: str) -> GameSpec:
    """The game with other numbers; a registered one where it is just that (`snake(apple_reward=-1)`)."""
    bare, given = split_numbers(name)
    spec = find_game(bare)
    other = variant(spec, given)
    named = next((known for known in game_specs() if known.config == other.config is not None), other)
    return _named.setdefault(named.name, named) if ":" in named.name else named


def _referenced(reference: str) -> GameSpec:
    source, _, rest = reference.partition(":")
    library = re.sub(r"[_-]", "", source.lower())
    library = MISSPELT.get(library, library)
    if library in LIBRARIES:
        raise UsageError(f"unknown game {reference!r}; did you mean '{library}:{rest}'?")
    loaded = load_object(reference)
    if not isinstance(loaded, GameSpec):
        raise UsageError(f"{reference} is a {type(loaded).__name__}, not a GameSpec; {_instead(source)}")
    return _named.setdefault(reference, replace(loaded, name=reference))


def _instead(source: str) -> str:
    """What to name instead of something in this module that is no `GameSpec`."""
    if source.startswith("pettingzoo.classic."):
        return f"name one, as pettingzoo:{source.rpartition('.')[2]}"
    return "name one (docs/games.md: gym_game and pettingzoo_game make one of an environment)"


def remembering(spec: GameSpec, memory: int | None) -> GameSpec:
    """The game with so many of a seat's own turns in its observations; None leaves it what it says."""
    return spec if memory is None or memory == spec.memory else replace(spec, memory=memory)


def select_games(names: str | Iterable[str], numbers: Iterable[str] = ()) -> list[GameSpec]:
    """`all` registered ones, a comma-separated string, or names and references, as specs.

    `numbers` are those of `--game-set`, `KEY=VALUE` for each of the games. Raises UsageError for unknown
    ones.
    """
    if isinstance(names, str):
        names = [part.strip() for part in _COMMA.split(names) if part.strip()]
    chosen = list(dict.fromkeys(names))
    if not chosen:
        raise UsageError(f"no game named; known games: {', '.join(spec.name for spec in game_specs())}")
    specs = game_specs() if chosen == ["all"] else [find_game(name) for name in chosen]
    numbers = list(numbers)
    return [find_game(with_numbers(spec.name, numbers)) for spec in specs] if numbers else specs
