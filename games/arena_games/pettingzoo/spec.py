"""From `pettingzoo:NAME_vN(key=value,…)`, or from an environment of one's own, to a `GameSpec`."""

from __future__ import annotations

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
from arena_games.references import read_values, split_reference

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
        raise UsageError(f"{name} has {count} actions, and {len(names)} are named")

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
    settings = read_values(given)
    try:
        module.env(**settings)
    except Exception as error:  # another library's code: it may raise anything
        line = f"pettingzoo:{short} cannot be made: {type(error).__name__}: {error}"
        raise UsageError(line.splitlines()[0]) from error
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
    return replace(spec, board=words.board)


def _module(short: str) -> Any:
    import pettingzoo.classic

    known = sorted(m.name for m in pkgutil.iter_modules(pettingzoo.classic.__path__) if "_v" in m.name)
    if short not in known:
        raise UsageError(f"pettingzoo:{short}: no such game; known: {', '.join(known)}")
    try:
        return importlib.import_module(f"{FAMILY}.{short}")
    except ImportError as error:
        missing = (getattr(error, "name", None) or "").partition(".")[0]
        package = PACKAGES.get(missing, missing) or "pettingzoo[classic]"
        raise UsageError(
            f"pettingzoo:{short} needs the package {package}; pip install 'tmsg-arena[pettingzoo]'"
        ) from error
