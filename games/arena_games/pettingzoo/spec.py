"""From `pettingzoo:NAME_vN(key=value,…)`, or from an environment of one's own, to a `GameSpec`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gymnasium import spaces

from arena_games.base import ActionKind, GameSpec, UsageError, described
from arena_games.parsing import parse_action_tag, parse_position
from arena_games.pettingzoo.env import Named, PettingZooEnv, Shown
from arena_games.pettingzoo.words import WORDS
from arena_games.references import (
    check_settings,
    listed_settings,
    read_values,
    settings_of,
    split_reference,
    tried,
)

VERSION = 1
TURNS = 300  # of a seat, after which an episode is cut
FAMILY = "pettingzoo.classic"
PACKAGES = {"pygame": "pygame-ce"}  # by the module that is missing
SUCCESS = "more points than everybody else"


def pettingzoo_game(
    name: str,
    make: Callable[[], Any],
    *,
    text: Callable[[Any], str],
    actions: Sequence[str] | Mapping[str, str],
    task: str = "Earn as many points as you can.",
    rules: Sequence[str] = (),
    horizon: int = TURNS,
    success: str = SUCCESS,
) -> GameSpec:
    """A game from an AEC or Parallel environment with Discrete actions, which `make` makes.

    `text` says a seat's observation in words. `actions` are their names, or names and a line on each. All
    seats are open.
    """
    shown: Shown = lambda env, agent, seen: text(seen)  # noqa: E731
    return _spec(name, make, shown, described(actions), None, task, rules, horizon, success)


def _spec(
    name: str,
    make: Callable[[], Any],
    text: Shown,
    actions: Mapping[str, str],
    named: Named | None,
    task: str,
    rules: Sequence[str],
    horizon: int,
    success: str = SUCCESS,
) -> GameSpec:
    env = make()
    seats = len(env.possible_agents)
    if not seats or len(set(env.possible_agents)) < seats:
        raise UsageError(
            f"{name} has the agents {env.possible_agents}; it needs one at least, and no two alike"
        )
    space = env.action_space(env.possible_agents[0])
    if not isinstance(space, spaces.Discrete):
        raise UsageError(f"{name} has the actions {space}; only Discrete ones can be named")
    count, names = int(space.n), tuple(actions)
    if named is None and len(names) != count:
        raise UsageError(
            f"{name} has {count} actions, and {len(names)} are named; name them all with "
            "arena_games.pettingzoo.spec.pettingzoo_game"
        )

    def make_env() -> PettingZooEnv:
        return PettingZooEnv(
            name, make(), text=text, names=names, named=named, actions=count, horizon=horizon
        )

    return GameSpec(
        name=name,
        version=VERSION,
        seats=seats,
        open_seats=tuple(range(seats)),
        house=(),
        actions={} if named else dict(actions),
        horizon=horizon,
        make_env=make_env,
        task=task,
        rules=tuple(rules),
        success=success if seats > 1 else "more than 0 points",
        parse=parse_position() if named else parse_action_tag(names),
        kind=ActionKind.POSITION if named else ActionKind.LIST,
        count=count,
        centred=False,
    )


def find(reference: str, name: str) -> GameSpec:
    """The environment of PettingZoo's classic family of this name. Raises UsageError if it cannot be had."""
    short, given, cut = split_reference("pettingzoo", reference)
    words = WORDS.get(re.sub(r"_v\d+$", "", short))
    module = _module(short)
    if words is None:
        raise UsageError(
            f"pettingzoo:{short} has no words here; give it a text function with "
            "arena_games.pettingzoo.spec.pettingzoo_game"
        )
    settings, known = read_values(given), settings_of(getattr(module, "raw_env", None))
    check_settings(f"pettingzoo:{short}", settings, known)
    try:
        module.env(**settings)
    except Exception as error:  # another library's code: it may raise anything
        line = f"pettingzoo:{short} cannot be made: {type(error).__name__}: {error}".splitlines()[0]
        raise UsageError(f"{line}; {listed_settings(known)}" if known else line) from error
    spec = _spec(
        name,
        lambda: module.env(**settings),
        words.text,
        words.actions,
        words.named,
        words.task,
        words.rules,
        cut or TURNS,
    )
    return tried(replace(spec, board=words.board), known)


def known_games() -> list[tuple[str, str]]:
    """PettingZoo's classic games: their names, and what one does in them."""
    found = [(name, WORDS.get(re.sub(r"_v\d+$", "", name))) for name in _names()]
    return [
        (name, words.task if words else "no words here: give it a text function") for name, words in found
    ]


def _names() -> list[str]:
    import pettingzoo.classic

    return sorted(m.name for m in pkgutil.iter_modules(pettingzoo.classic.__path__) if "_v" in m.name)


def _module(short: str) -> Any:
    known = _names()
    if short not in known:
        near = [name for name in known if name in short]  # classic.chess_v6
        near = near or difflib.get_close_matches(short, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"pettingzoo:{short}: no such game; {hint}known: {', '.join(known)}")
    try:
        return importlib.import_module(f"{FAMILY}.{short}")
    except ImportError as error:
        missing = (getattr(error, "name", None) or "").partition(".")[0]
        package = PACKAGES.get(missing, missing) or "pettingzoo[classic]"
        raise UsageError(
            f"pettingzoo:{short} needs the package {package}; pip install 'tmsg-arena[pettingzoo]'"
        ) from error
