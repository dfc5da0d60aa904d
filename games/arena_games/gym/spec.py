"""From `gym:ID(key=value,…)`, or from an environment of one's own, to a `GameSpec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium
from gymnasium import spaces

from arena_games.base import GameSpec, UsageError
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
    `succeeded` is told the return and whether the environment ended by itself.
    """
    words = Words(
        dict(actions) if isinstance(actions, Mapping) else dict.fromkeys(actions, "an action"),
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
    if not isinstance(env.action_space, spaces.Discrete):
        raise UsageError(f"gym:{id_} has the actions {env.action_space}; only Discrete ones can be named")
    if words is None:
        words = _own_words(id_, env)
    if len(words.actions) != env.action_space.n:
        raise UsageError(f"gym:{id_} has {env.action_space.n} actions here, not {len(words.actions)}")
    env.close()
    return _spec(name, make, words, cut or registered.max_episode_steps or TURNS)


def _registered(id_: str) -> Any:
    try:
        return gymnasium.spec(id_)
    except (gymnasium.error.Error, ImportError) as error:
        raise UsageError(f"gym:{id_}: {str(error).splitlines()[0]}") from error


def _own_words(id_: str, env: gymnasium.Env[Any, Any]) -> Words:
    """Of an environment that we do not know: its drawing, and numbers for its actions."""
    if "ansi" not in env.metadata.get("render_modes", ()):
        raise UsageError(
            f"gym:{id_} draws nothing as text (render_mode='ansi'); give it a text function with "
            "arena_games.gym.spec.gym_game"
        )
    names = {str(action): f"action {action}" for action in range(int(env.action_space.n))}
    return Words(names, f"You are playing {id_}. Earn as much reward as you can.", (), drawn)
