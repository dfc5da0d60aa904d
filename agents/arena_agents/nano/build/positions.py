"""Positions to learn from: what a seat sees, and which actions search calls best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arena_agents.random import RandomAgent
from arena_agents.search.agent import best_actions
from arena_games.aec import seat_index
from arena_games.base import GameSpec, Observation
from arena_games.frozen_lake import rules as lake
from arena_games.frozen_lake import text as lake_text
from arena_games.frozen_lake.rules import FrozenLakeConfig, FrozenLakeState


@dataclass(frozen=True, slots=True)
class Position:
    """A text observation, the names of the game's actions, and of those that are equally good there."""

    text: str
    actions: tuple[str, ...]
    best: tuple[str, ...]


def positions(spec: GameSpec, count: int, rng: np.random.Generator) -> Iterator[Position]:
    """`count` positions of one game, drawn so that good and bad play are both seen."""
    source = _lake_observations if isinstance(spec.config, FrozenLakeConfig) else _played_observations
    stream = source(spec, rng)
    for _ in range(count):
        observation = next(stream)
        best = tuple(spec.action_names[action] for action in best_actions(observation))
        yield Position(observation.text, spec.action_names, best)


def _lake_observations(spec: GameSpec, rng: np.random.Generator) -> Iterator[Observation]:
    """Every safe cell of each map, with a number of moves left under which it could be met."""
    config = spec.config
    assert isinstance(config, FrozenLakeConfig)
    while True:
        start = lake.draw_state(config, rng)
        for cell, distance in lake.distances_to_goal(config, start.holes).items():
            away = abs(cell[0] - config.start[0]) + abs(cell[1] - config.start[1])
            latest = config.horizon - (1 if config.slippery else distance)
            if cell == config.goal or latest < away:
                continue
            state = FrozenLakeState(start.holes, cell, int(rng.integers(away, latest + 1)))
            yield _observation(spec, 0, lake_text.render(config, state), lake_text.planes(config, state))


def _played_observations(spec: GameSpec, rng: np.random.Generator) -> Iterator[Observation]:
    """What the seats see while search plays with a share of random moves, another share a game."""
    wanderer = RandomAgent()
    while True:
        env = spec.make_env()
        env.reset(seed=int(rng.integers(2**31)))
        noise = rng.uniform(0.0, 0.7, spec.seats)
        for agent in env.agent_iter():
            view, _, terminated, truncated, _ = env.last()
            if terminated or truncated:
                env.step(None)
                continue
            seat = seat_index(agent)
            observation = _observation(spec, seat, view["text"], view["grid"], int(rng.integers(2**31)))
            yield observation
            wanders = seat not in spec.open_seats or rng.random() < noise[seat]
            if wanders:
                move = spec.parse(wanderer.choose(observation), observation)
            else:
                best = best_actions(observation)
                move = best[int(rng.integers(len(best)))]
            env.step(move)


def _observation(spec: GameSpec, seat: int, text: str, grid: object, seed: int = 0) -> Observation:
    assert isinstance(grid, np.ndarray)
    legal, names = tuple(range(len(spec.actions))), spec.action_names
    return Observation(spec.name, seat, 0, text, legal, grid, seed=seed, action_names=names, spec=spec)
