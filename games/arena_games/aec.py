"""A PettingZoo AEC environment for games in which all seats move at once.

The seats commit their moves one after another, nobody sees another's pending move, and when the
last living seat has committed the board resolves once. A single-seat game is the case of one.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from arena_games.base import Grid

MAX_TEXT = 10_000


def seat_name(seat: int) -> str:
    """PettingZoo's name for a seat: `seat_0`, `seat_1`, …"""
    return f"seat_{seat}"


def seat_index(agent: str) -> int:
    """The inverse of `seat_name`."""
    return int(agent.rpartition("_")[2])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final word on an episode, by seat: placements from 1 (ties share one) and success."""

    placements: tuple[int, ...]
    successes: tuple[bool, ...]


class SimultaneousEnv(AECEnv[str, dict[str, Any], int | None]):  # type: ignore[misc]
    """Turns pure rules into an AEC environment. A game overrides the hooks at the end.

    Observations are `{"text", "grid", "action_mask"}`; actions are `Discrete`. When the
    episode ends, the `infos` of the seats still in it hold `placements` and `successes`, both by
    seat, for a seat that died earlier too; the game's page defines them.
    """

    def __init__(self, name: str, seats: int, actions: int, grid_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.metadata = {"name": name, "render_modes": ["ansi"], "is_parallelizable": True}
        self.render_mode = "ansi"
        self.possible_agents = [seat_name(seat) for seat in range(seats)]
        self._seats = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self._actions, self._grid_shape = range(actions), grid_shape
        self._mask = np.ones(actions, np.int8)

    # Made when somebody asks: of all that an environment holds they alone take long to make.
    @cached_property
    def observation_spaces(self) -> dict[str, spaces.Space[Any]]:
        """Every seat's observations."""
        space = spaces.Dict(
            {
                "text": spaces.Text(max_length=MAX_TEXT, charset=string.printable),
                "grid": spaces.Box(0.0, 1.0, self._grid_shape, np.float32),
                "action_mask": spaces.Box(0, 1, (len(self._actions),), np.int8),
            }
        )
        return dict.fromkeys(self.possible_agents, space)

    @cached_property
    def action_spaces(self) -> dict[str, spaces.Space[Any]]:
        """Every seat's actions."""
        return {agent: spaces.Discrete(len(self._actions)) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode; everything random in it comes from `seed`, what it is for too (`split_of`)."""
        self.seed = seed
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self._skip_agent_selection = None
        self._pending: dict[int, int] = {}
        self.begin()
        self.agent_selection = self.agents[0]

    def observe(self, agent: str) -> dict[str, Any]:
        seat = self._seats[agent]
        return {"text": self.text(seat), "grid": self.grid(seat), "action_mask": self._mask.copy()}

    def step(self, action: int | None) -> None:
        """Commit the selected seat's move; the last one to commit makes the board move.

        Raises ValueError for an action outside the action space.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None or int(action) not in self._actions:
            raise ValueError(f"action {action!r} of {agent} is outside {self.action_spaces[agent]}")
        self._cumulative_rewards[agent] = 0.0
        if not self._pending:
            self._clear_rewards()
        self._pending[self._seats[agent]] = int(action)
        waiting = self.agents[len(self._pending) :]  # seats commit in the order of `agents`
        if waiting:
            self.agent_selection = waiting[0]
        else:
            self._move()

    def _move(self) -> None:
        moves, self._pending = self._pending, {}
        for seat, reward in self.resolve(moves).items():
            agent = self.possible_agents[seat]
            self.rewards[agent] = reward
            self._cumulative_rewards[agent] += reward
        self.agent_selection = self.agents[0]
        outcome, living = self.outcome(), self.living()
        if outcome is not None or len(living) < len(self.agents):
            self._retire(outcome, living)

    def _retire(self, outcome: Outcome | None, living: Collection[int]) -> None:
        """Take the newly dead out of the episode; with an outcome, everybody."""
        timed_out = outcome is not None and self.timed_out()
        for agent in self.agents:
            alive = self._seats[agent] in living
            self.truncations[agent] = alive and timed_out
            self.terminations[agent] = not self.truncations[agent] and (outcome is not None or not alive)
            if outcome is not None:
                self.infos[agent] = {"placements": outcome.placements, "successes": outcome.successes}
        alive_agents = (agent for agent in self.agents if self._seats[agent] in living)
        self.agent_selection = next(alive_agents, self.agents[0])
        self._deads_step_first()

    def render(self) -> str:
        return self.text(self._seats[self.agent_selection])

    def close(self) -> None:
        """Nothing is held open."""

    # What a game supplies.

    def begin(self) -> None:
        """Draw the start state from `self.rng`."""
        raise NotImplementedError

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        """Move all seats in `moves` at once and return what each is paid."""
        raise NotImplementedError

    def living(self) -> tuple[int, ...]:
        """The seats that still move."""
        raise NotImplementedError

    def outcome(self) -> Outcome | None:
        """How the episode ended, or None while it goes on."""
        raise NotImplementedError

    def timed_out(self) -> bool:
        """Whether the horizon has been reached."""
        raise NotImplementedError

    def text(self, seat: int) -> str:
        """The seat's text observation."""
        raise NotImplementedError

    def grid(self, seat: int) -> Grid:
        """The seat's numeric view, float32 planes (C, H, W) in [0, 1]."""
        raise NotImplementedError
