"""From `textarena:ID(players=N,key=value,…)` to a `GameSpec`."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

from arena_games.base import ActionKind, GameSpec, UsageError
from arena_games.parsing import parse_text
from arena_games.references import check_settings, read_values, settings_of, split_reference
from arena_games.textarena.boards import BOARDS
from arena_games.textarena.chance import OwnChance
from arena_games.textarena.env import TextArenaEnv

VERSION = 1
TURNS = 100  # of a seat, after which an episode is cut; most games end earlier by themselves
MOST_PLAYERS = 15
LONGEST = 200  # characters of a message of the library
OTHERWISE = ("-raw", "-train")  # the same games, shown otherwise


def find(reference: str, name: str) -> GameSpec:
    """The game of this id, as a spec of this name. Raises UsageError, in one line, if it cannot be played."""
    id_, given, cut = split_reference("textarena", reference)
    settings = read_values(given)
    asked = settings.pop("players", None)
    make = _maker(id_, settings)
    players = _players(id_, make, asked)
    horizon = cut or TURNS
    make_env = partial(TextArenaEnv, name, make, players, horizon)
    env = make_env()
    env.reset(seed=0)
    others = {1: "", 2: " against another player"}.get(players, f" against {players - 1} others")
    return GameSpec(
        name=name,
        version=VERSION,
        seats=players,
        open_seats=tuple(range(players)),
        house=(),
        actions={},
        horizon=horizon,
        make_env=make_env,
        task=f"You are playing {id_.rpartition('-v')[0]}{others}. Earn as many points as you can.",
        rules=(
            "The state holds all that was said to you, the game's rules first, the newest last.",
            "What you write inside <action> and </action> is told to the game word for word.",
            "Where the game asks for [brackets], write them there too.",
        ),
        success="more points than everybody else" if players > 1 else "1 point",
        parse=parse_text,
        board=BOARDS.get(id_.rpartition("-v")[0]),
        kind=ActionKind.TEXT,
        suggests=bool(env.observe(env.agent_selection)["action_names"]),
        centred=False,
    )


def known_games() -> list[tuple[str, str]]:
    """TextArena's games as they come: ids, and what their makers set in them."""
    return [
        (id_, ", ".join(f"{key}={value!r}" for key, value in entry.kwargs.items()))
        for id_, entry in sorted(_registry().items())
        if not id_.endswith(OTHERWISE)
    ]


def _registry() -> dict[str, Any]:
    with OwnChance(0).in_place():  # some of its modules draw as they are imported
        from textarena.envs.registration import ENV_REGISTRY
    return dict(ENV_REGISTRY)


def _maker(id_: str, settings: dict[str, Any]) -> Callable[[], Any]:
    """What makes the game. Raises UsageError if there is none, or if it cannot even be made."""
    registry = _registry()
    if id_ not in registry:
        near = difflib.get_close_matches(id_, registry, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "arena list textarena names them"
        raise UsageError(f"TextArena {version('textarena')} has no game {id_!r}; {hint}")
    import textarena

    make = partial(textarena.make, id_, **settings)
    try:
        with OwnChance(0).in_place(), quiet():
            check_settings(f"textarena:{id_}", settings, settings_of(_class(registry[id_].entry_point)))
            make()
    except UsageError:
        raise
    except Exception as error:  # another library's code: it may raise anything
        raise UsageError(why_not(id_, error)) from error
    return make


def _class(entry: Any) -> Any:
    """An entry point, which may be written `module:Class`."""
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what a game prints as it is made: that it could not load something, above all."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def why_not(id_: str, error: Exception) -> str:
    """In one line, with the remedy where there is one."""
    said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    missing = re.search(r"Resource '?(\w+)'? not found", said)
    if isinstance(error, LookupError) and missing:
        return f"textarena:{id_} needs a word list of NLTK: python -m nltk.downloader {missing[1]}"
    if isinstance(error, SyntaxError) and "f-string" in str(error.msg):  # as PEP 701 allows them
        return f"textarena:{id_} is written for Python 3.12 or newer"
    return f"textarena:{id_} cannot be played: {type(error).__name__}: {said}"[:LONGEST]


def _players(id_: str, make: Callable[[], Any], asked: Any) -> int:
    """How many play: as many as were asked for, else the fewest that the game takes."""
    if asked is not None and not (isinstance(asked, int) and 1 <= asked <= MOST_PLAYERS):
        raise UsageError(f"textarena:{id_}: players is a number from 1 to {MOST_PLAYERS}, not {asked!r}")
    problem: Exception | None = None
    for players in [asked] if asked else range(1, MOST_PLAYERS + 1):
        try:
            with OwnChance(0).in_place(), quiet():
                game = make()
                game.reset(num_players=players, seed=0)
                if players == 1 and not _plays_alone(game) and not asked:
                    continue
                game.get_observation()
            return players
        except Exception as error:  # another library's code: it may raise anything
            problem = problem or error
    assert problem is not None
    raise UsageError(why_not(id_, problem)) from problem


def _plays_alone(game: Any) -> bool:
    import textarena

    return isinstance(game.state, textarena.SinglePlayerState)
