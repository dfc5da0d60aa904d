"""From `textarena:ID(players=N,key=value,…)` to a `GameSpec`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from arena_games.base import ActionKind, GameSpec, UsageError
from arena_games.parsing import parse_text
from arena_games.references import read_values, split_reference
from arena_games.textarena.boards import BOARDS
from arena_games.textarena.chance import OwnChance
from arena_games.textarena.env import TextArenaEnv

VERSION = 1
TURNS = 100  # of a seat, after which an episode is cut; most games end earlier by themselves
MOST_PLAYERS = 15


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


def _maker(id_: str, settings: dict[str, Any]) -> Callable[[], Any]:
    with OwnChance(0).in_place():  # some of its modules draw as they are imported
        import textarena
        from textarena.envs.registration import ENV_REGISTRY
    if id_ not in ENV_REGISTRY:
        import difflib

        near = difflib.get_close_matches(id_, ENV_REGISTRY, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "names end in -v0"
        raise UsageError(f"TextArena has no game {id_!r}; {hint}")
    return partial(textarena.make, id_, **settings)


def _players(id_: str, make: Callable[[], Any], asked: Any) -> int:
    """How many play: as many as were asked for, else the fewest that the game takes."""
    if asked is not None and not (isinstance(asked, int) and 1 <= asked <= MOST_PLAYERS):
        raise UsageError(f"textarena:{id_}: players is a number up to {MOST_PLAYERS}, not {asked!r}")
    problem: Exception | None = None
    for players in [asked] if asked else range(1, MOST_PLAYERS + 1):
        try:
            with OwnChance(0).in_place():
                game = make()
                game.reset(num_players=players, seed=0)
                if players == 1 and not _plays_alone(game) and not asked:
                    continue
                game.get_observation()
            return players
        except Exception as error:  # another library's code: it may raise anything
            problem = problem or error
    line = f"textarena:{id_} cannot be played: {type(problem).__name__}: {problem}"
    raise UsageError(" ".join(line.split())[:200])


def _plays_alone(game: Any) -> bool:
    import textarena

    return isinstance(game.state, textarena.SinglePlayerState)
