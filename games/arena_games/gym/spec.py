"""From `gym:ID(key=value,…)`, or from an environment of one's own, to a `GameSpec`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium
from gymnasium import spaces

from arena_games.base import GameSpec, UsageError, described
from arena_games.gym.env import GymEnv
from arena_games.gym.words import WORDS, Words, drawn
from arena_games.parsing import parse_action_tag
from arena_games.references import (
    check_settings,
    listed_settings,
    read_values,
    settings_of,
    split_reference,
    tried,
)

VERSION = 1
OWN = {"max_episode_steps": 0, "render_mode": None}  # settings of Gymnasium's, whatever the environment
TURNS = 200  # after which an environment without a limit of its own is cut


def gym_game(
    name: str,
    make: Callable[[], gymnasium.Env[Any, Any]],
    *,
    text: Callable[[Any], str],
    actions: Sequence[str] | Mapping[str, str],
    task: str = "Earn as much reward as you can.",
    rules: Sequence[str] = (),
    horizon: int = TURNS,
    success: str = "more than 0 points",
    succeeded: Callable[[float, bool], bool] = lambda total, terminated: total > 0,
) -> GameSpec:
    """A game from an environment of Gymnasium with Discrete actions, which `make` makes.

    `text` says an observation in words. `actions` are their names, or names and a line on each.
    `succeeded` is told the return and whether the environment ended by itself. Raises UsageError where the
    environment has other actions than these.
    """
    listed = described(actions)
    _check_actions(name, make(), len(listed))
    words = Words(
        listed,
        task,
        tuple(rules),
        lambda env, observation: text(observation),
        success,
        succeeded,
    )
    return _spec(name, make, words, horizon)


def _spec(name: str, make: Callable[[], gymnasium.Env[Any, Any]], words: Words, horizon: int) -> GameSpec:
    def make_env() -> GymEnv:
        return GymEnv(
            name, make(), text=words.text, actions=names, horizon=horizon, succeeded=words.succeeded
        )

    names = tuple(words.actions)
    return GameSpec(
        name=name,
        version=VERSION,
        seats=1,
        open_seats=(0,),
        house=(),
        actions=dict(words.actions),
        horizon=horizon,
        make_env=make_env,
        task=words.task,
        rules=words.rules,
        success=words.success,
        parse=parse_action_tag(names),
        board=words.board,
        centred=False,
    )


def find(reference: str, name: str) -> GameSpec:
    """The environment of this id, as a spec of this name. Raises UsageError where it has no text."""
    id_, given, cut = split_reference("gym", reference)
    settings = read_values(given)
    words = WORDS.get(id_.rpartition("-v")[0])
    registered = _registered(id_)
    known = _settings(registered)
    check_settings(f"gym:{id_}", settings, known)
    make = partial(gymnasium.make, id_, **{**settings, "disable_env_checker": True})
    try:
        env = make()
        if "ansi" in env.metadata.get("render_modes", ()):
            make = partial(make, render_mode="ansi")
            env = make()
    except Exception as error:  # another library's code: it may raise anything
        line = f"gym:{id_} cannot be made: {type(error).__name__}: {error}".splitlines()[0]
        raise UsageError(f"{line}; {listed_settings(known)}" if known else line) from error
    count = _count(f"gym:{id_}", env)
    if words is None:
        words = _own_words(id_, env, count)
    _check_actions(f"gym:{id_}", env, len(words.actions))
    spec = _spec(name, make, words, cut or registered.max_episode_steps or TURNS)
    return tried(spec, known)


def _check_actions(name: str, env: gymnasium.Env[Any, Any], named: int) -> None:
    """Raises UsageError unless the environment has just so many actions; closes it."""
    count = _count(name, env)
    if count != named:
        raise UsageError(f"{name} has {count} actions, and {named} are named")
    env.close()


def _count(name: str, env: gymnasium.Env[Any, Any]) -> int:
    if not isinstance(env.action_space, spaces.Discrete):
        raise UsageError(f"{name} has the actions {env.action_space}; only Discrete ones can be named")
    return int(env.action_space.n)


def _registered(id_: str) -> Any:
    try:
        return gymnasium.spec(id_)
    except (gymnasium.error.Error, ImportError) as error:
        near = difflib.get_close_matches(id_, gymnasium.registry, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "arena list gym names some"
        raise UsageError(f"gym:{id_}: {str(error).splitlines()[0].rstrip('.')}; {hint}") from error


def _settings(registered: Any) -> dict[str, Any] | None:
    """What the environment may be told, with the defaults; None if it takes anything, or cannot be loaded."""
    entry = registered.entry_point
    try:
        made = gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    except Exception:  # another library's code; making it will say what is missing
        return None
    known = settings_of(made)
    return None if known is None else {**known, **OWN}


def known_games() -> list[tuple[str, str]]:
    """Environments of Gymnasium's toy texts, which have words here: ids, and what one does in them."""
    return [(id_, WORDS[id_.rpartition("-v")[0]].task) for id_ in sorted(gymnasium.registry) if _worded(id_)]


def _worded(id_: str) -> bool:
    return id_.rpartition("-v")[0] in WORDS


def _own_words(id_: str, env: gymnasium.Env[Any, Any], count: int) -> Words:
    """Of an environment that we do not know: its drawing, and numbers for its actions."""
    if "ansi" not in env.metadata.get("render_modes", ()):
        raise UsageError(
            f"gym:{id_} draws nothing as text (render_mode='ansi'); give it a text function with "
            "arena_games.gym.spec.gym_game"
        )
    names = {str(action): f"action {action}" for action in range(count)}
    return Words(names, f"You are playing {id_}. Earn as much reward as you can.", (), drawn)
