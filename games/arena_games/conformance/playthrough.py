"""One episode of random play, recorded as the AEC loop sees it: the suite's evidence."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest
from typing import Any

import numpy as np
from gymnasium import spaces

from arena_games.base import Action, ActionKind, GameSpec, Grid, Observation

LONGEST_OBSERVATION = 1_000_000  # characters, as in a match
WORDS = ("yes", "no", "[1]", "[accept]", "I pass.")  # said where a game suggests nothing


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What `last()` tells a seat. `paid` is all it earned since it was last asked."""

    seat: int
    text: str
    grid: Grid | None
    legal: tuple[int, ...]
    paid: float
    terminated: bool
    truncated: bool
    infos: dict[str, Any]
    outside: str | None  # what of it lies outside the observation space
    names: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        return self.terminated or self.truncated

    def difference(self, other: View) -> str | None:
        """The first field in which two views differ, or None."""
        for field in fields(self):
            mine, yours = getattr(self, field.name), getattr(other, field.name)
            if not (np.array_equal(mine, yours) if field.name == "grid" else mine == yours):
                return field.name
        return None

    def observation(self, spec: GameSpec) -> Observation:
        """The view as agents and parsers receive it."""
        return Observation(
            spec.name,
            self.seat,
            0,
            self.text,
            self.legal,
            self.grid,
            action_names=spec.action_names,
            spec=spec,
            names=self.names,
        )

    def drawn_action(self, spec: GameSpec, rng: np.random.Generator) -> Action:
        """A legal action; in a game of free text one of its suggestions, or a word."""
        if spec.kind != ActionKind.TEXT:
            return int(rng.choice(self.legal))
        return str(rng.choice(self.names or WORDS))


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One `last()` and the `step()` after it. `action` is None when the seat had already ended.

    `rewards` is what `env.rewards` held after the step, by seat.
    """

    view: View
    action: Action | None
    rewards: dict[int, float]


@dataclass(frozen=True, slots=True, eq=False)
class Playthrough:
    """A whole episode. `finished` is False if it was stopped for being longer than the horizon."""

    seed: int
    visits: tuple[Visit, ...]
    finished: bool
    simultaneous: bool
    touched_global_state: bool

    @property
    def decisions(self) -> tuple[Visit, ...]:
        """The visits at which a move was made."""
        return tuple(visit for visit in self.visits if not visit.view.ended)

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(visit.action for visit in self.visits if visit.action is not None)

    def rounds(self) -> list[list[int]]:
        """Indices into `decisions`, grouped: a new round begins when a seat moves again."""
        rounds: list[list[int]] = []
        seats: set[int] = set()
        for index, visit in enumerate(self.decisions):
            if not rounds or visit.view.seat in seats:
                rounds.append([])
                seats = set()
            rounds[-1].append(index)
            seats.add(visit.view.seat)
        return rounds


def play(spec: GameSpec, seed: int, actions: Sequence[Action] = (), env: Any = None) -> Playthrough:
    """Play `actions`, then random legal moves, in a fresh environment or in `env`."""
    before = _global_random_state()
    env = spec.make_env() if env is None else env
    env.reset(seed=seed)
    visits = tuple(_visits(spec, env, iter(actions), np.random.default_rng([seed, 1])))
    if all(visit.view.ended for visit in visits):
        raise ValueError("the game was over before anybody could move")
    return Playthrough(
        seed=seed,
        visits=visits,
        finished=not env.agents,
        simultaneous=spec.seats > 1 and getattr(env, "metadata", {}).get("is_parallelizable", True),
        touched_global_state=before != _global_random_state(),
    )


def play_side_by_side(spec: GameSpec, seeds: Sequence[int]) -> list[tuple[Visit, ...]]:
    """The visits of random episodes from these seeds, played a step at a time in turn."""
    envs = [spec.make_env() for _ in seeds]
    for env, seed in zip(envs, seeds, strict=True):
        env.reset(seed=seed)
    going = [
        _visits(spec, env, iter(()), np.random.default_rng([seed, 1]))
        for env, seed in zip(envs, seeds, strict=True)
    ]
    rounds = list(zip_longest(*going))
    return [tuple(visit for visit in column if visit is not None) for column in zip(*rounds, strict=True)]


def _visits(spec: GameSpec, env: Any, given: Iterator[Action], rng: np.random.Generator) -> Iterator[Visit]:
    for _ in range(spec.horizon * spec.seats + spec.seats):  # every decision, and every dead step
        if not env.agents:
            return
        view = look(env)
        action = None if view.ended else next(given, None)
        if action is None and not view.ended:
            action = view.drawn_action(spec, rng)
        env.step(action)
        yield Visit(view, action, {_seat(env, agent): float(paid) for agent, paid in env.rewards.items()})


def look(env: Any) -> View:
    """What the selected seat is told now."""
    agent = env.agent_selection
    observation, paid, terminated, truncated, infos = env.last()
    if len(observation["text"]) > LONGEST_OBSERVATION:
        raise ValueError(
            f"a text of {len(observation['text']):,} characters, more than {LONGEST_OBSERVATION:,}"
        )
    grid = observation.get("grid")
    return View(
        seat=_seat(env, agent),
        text=observation["text"],
        grid=None if grid is None else np.array(grid),  # a copy: some games draw on one array for ever
        legal=tuple(np.flatnonzero(observation.get("action_mask", ())).tolist()),
        paid=float(paid),
        terminated=terminated,
        truncated=truncated,
        infos=dict(infos),
        outside=outside(env.observation_space(agent), observation),
        names=tuple(observation.get("action_names", ())),
    )


def outside(space: Any, seen: Mapping[str, Any]) -> str | None:
    """What of an observation lies outside its space, and why, in a few words; None where nothing does."""
    if space.contains(seen):
        return None
    if not isinstance(space, spaces.Dict):
        return f"is outside {space}"
    parts = space.spaces
    if set(parts) != set(seen):
        return f"holds {', '.join(sorted(seen))}, but its space {', '.join(sorted(parts))}"
    key = next(key for key in parts if not parts[key].contains(seen[key]))
    part, value = parts[key], seen[key]
    if not isinstance(part, spaces.Text) or not isinstance(value, str):
        return f"{key!r} is outside {part}"
    odd = sorted(set(value) - part.character_set)
    if odd:
        named = ", ".join(map(ascii, odd[:5]))
        return f"{key!r} holds {named}, which its space lacks: give that charset=string.printable, or more"
    return (
        f"{key!r} has {len(value):,} characters; its space wants {part.min_length:,} to {part.max_length:,}"
    )


def env_after(spec: GameSpec, seed: int, actions: Sequence[Action]) -> Any:
    """A fresh environment in which `actions` have been played, waiting for the next living seat."""
    env = spec.make_env()
    env.reset(seed=seed)
    for action in actions:
        pass_the_dead(env)
        env.step(action)
    pass_the_dead(env)
    return env


def pass_the_dead(env: Any) -> None:
    """Take the dead steps that are due."""
    while env.agents and (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
        env.step(None)


def _seat(env: Any, agent: str) -> int:
    return int(env.possible_agents.index(agent))


def _global_random_state() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002 - watched, not drawn from
