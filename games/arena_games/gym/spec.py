"""From `gym:ID(key=value,…)`, or from an environment of one's own, to a `GameSpec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium
from gymnasium import spaces

from arena_games.base import GameSpec, UsageError, described
from arena_games.gym.env import GymEnv
from arena_games.gym.words import WORDS, Words, drawn
from arena_games.parsing import parse_action_tag
from arena_games.references import read_values, split_reference

VERSION = 1
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
    make = partial(gymnasium.make, id_, disable_env_checker=True, **settings)
    try:
        env = make()
        if "ansi" in env.metadata.get("render_modes", ()):
            make = partial(make, render_mode="ansi")
            env = make()
        env.reset(seed=0)
    except Exception as error:  # another library's code: it may raise anything
        line = f"gym:{id_} cannot be made: {type(error).__name__}: {error}"
        raise UsageError(line.splitlines()[0]) from error
    count = _count(f"gym:{id_}", env)
    if words is None:
        words = _own_words(id_, env, count)
    _check_actions(f"gym:{id_}", env, len(words.actions))
    return _spec(name, make, words, cut or registered.max_episode_steps or TURNS)


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
        raise UsageError(f"gym:{id_}: {str(error).splitlines()[0]}") from error


def _own_words(id_: str, env: gymnasium.Env[Any, Any], count: int) -> Words:
    """Of an environment that we do not know: its drawing, and numbers for its actions."""
    if "ansi" not in env.metadata.get("render_modes", ()):
        raise UsageError(
            f"gym:{id_} draws nothing as text (render_mode='ansi'); give it a text function with "
            "arena_games.gym.spec.gym_game"
        )
    names = {str(action): f"action {action}" for action in range(count)}
    return Words(names, f"You are playing {id_}. Earn as much reward as you can.", (), drawn)
