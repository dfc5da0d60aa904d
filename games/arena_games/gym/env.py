"""An environment of Gymnasium with Discrete actions as a PettingZoo AEC environment of one seat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from arena_games.aec import Outcome
from arena_games.base import Action, Grid
from arena_games.turns import TurnsEnv, paid, said

LARGEST_GRID = 100_000  # numbers of an observation that are shown as a grid


class GymEnv(TurnsEnv):
    """One seat. The text is the game's own, with the actions below it; the grid is the flat observation."""

    def __init__(
        self,
        name: str,
        env: gymnasium.Env[Any, Any],
        *,
        text: Callable[[gymnasium.Env[Any, Any], Any], str],
        actions: Sequence[str],
        horizon: int,
        succeeded: Callable[[float, bool], bool],
    ) -> None:
        flat = _flat_size(env.observation_space)
        observed: dict[str, spaces.Space[Any]] = {"action_mask": spaces.Box(0, 1, (len(actions),), np.int8)}
        if flat is not None:
            observed["grid"] = spaces.Box(-np.inf, np.inf, (flat, 1, 1), np.float32)
        super().__init__(name, 1, observed, spaces.Discrete(len(actions)), horizon=horizon)
        self._env, self._text, self._names, self._flat = env, text, actions, flat
        self._succeeded = succeeded
        self._mask = np.ones(len(actions), np.int8)
        self._first = int(env.action_space.start)

    def begin(self) -> None:
        self._over = self._stopped = False
        self._total = 0.0
        self._seen, _ = self._env.reset(seed=self._seed)

    def movers(self) -> Sequence[int]:
        return () if self._over else (0,)

    def view(self, seat: int) -> dict[str, Any]:
        text = said(self._text(self._env, self._seen))
        seen = {"text": f"{text}\n\nActions: {', '.join(self._names)}", "action_mask": self._mask.copy()}
        if self._flat is not None:
            seen["grid"] = self._grid()
        return seen

    def _grid(self) -> Grid:
        flat = spaces.flatten(self._env.observation_space, self._seen)
        return np.asarray(flat, np.float32).reshape(-1, 1, 1)

    def move(self, moves: Mapping[int, Action]) -> None:
        action = int(moves[0]) + self._first
        told = self._env.step(action)
        if len(told) != 5:
            raise ValueError(f"step() gave {len(told)} values; Gymnasium's has 5 since 0.26")
        self._seen, reward, terminated, truncated, _ = told
        self._total += paid(reward)
        self._over, self._stopped = bool(terminated), bool(truncated)

    def totals(self) -> Sequence[float] | None:
        return (self._total,)

    def is_cut(self) -> bool:
        return self._stopped

    def outcome(self) -> Outcome:
        return Outcome((1,), (bool(self._succeeded(self._total, self._over)),))

    def close(self) -> None:
        self._env.close()


def _flat_size(space: spaces.Space[Any]) -> int | None:
    try:
        size = int(spaces.flatdim(space))
    except (ValueError, NotImplementedError):
        return None
    return size if 0 < size <= LARGEST_GRID else None
