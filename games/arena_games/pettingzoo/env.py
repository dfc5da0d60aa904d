"""Somebody else's PettingZoo environment with the Dict observations of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.utils import parallel_to_aec

from arena_games.base import Action, Grid
from arena_games.turns import LONGEST_NAME, AnyText, TurnsEnv, paid, said

OUT = "You are out of the game."

# (environment, agent, its observation) → what it is shown, in words.
Shown = Callable[[Any, str, Any], str]
# (environment, agent, legal actions) → their names in this position.
Named = Callable[[Any, str, Sequence[int]], Sequence[str]]


class PettingZooEnv(TurnsEnv):
    """Whoever is asked there is asked here, and sees what it sees there, as text.

    `names` are those of a list of actions; or `named` gives those of a position.
    """

    def __init__(
        self,
        name: str,
        env: Any,
        *,
        text: Shown,
        names: Sequence[str],
        named: Named | None,
        actions: int,
        horizon: int,
    ) -> None:
        at_once = isinstance(env, ParallelEnv) or bool(env.metadata.get("is_parallelizable", False))
        self._inner = parallel_to_aec(env) if isinstance(env, ParallelEnv) else env
        self._players = list(self._inner.possible_agents)
        self._shape = _planes(self._inner.observation_space(self._players[0]))
        observed: dict[str, spaces.Space[Any]] = {"action_mask": spaces.Box(0, 1, (actions,), np.int8)}
        if named is not None:
            observed["action_names"] = spaces.Sequence(AnyText(LONGEST_NAME, min_length=0))
        if self._shape is not None:
            observed["grid"] = spaces.Box(-np.inf, np.inf, self._shape, np.float32)
        super().__init__(
            name, len(self._players), observed, spaces.Discrete(actions), horizon=horizon, at_once=at_once
        )
        self._text, self._names, self._named, self._count = text, names, named, actions

    def begin(self) -> None:
        self._inner.reset(seed=self._seed)
        self._earned = [0.0] * len(self._players)
        self._dropped = False
        self._pass_the_dead()

    def movers(self) -> Sequence[int]:
        return (self._seat(self._inner.agent_selection),) if self._inner.agents else ()

    def _seat(self, player: str) -> int:
        if player not in self._players:
            raise ValueError(f"the environment names {player!r:.80}, which is none of its possible_agents")
        return self._players.index(player)

    def view(self, seat: int) -> dict[str, Any]:
        player = self._players[seat]
        there = player in self._inner.agents
        seen = self._inner.observe(player) if there else None
        mask = self._mask(seen, player) if there and seat in self._asked else np.zeros(self._count, np.int8)
        legal = np.flatnonzero(mask).tolist()
        names = self._named(self._inner, player, legal) if self._named else [self._names[a] for a in legal]
        text = said(self._text(self._inner, player, _inside(seen))) if there else OUT
        shown: dict[str, Any] = {
            "text": f"{text}\n\nLegal actions: {', '.join(names)}" if legal else text,
            "action_mask": mask,
        }
        if self._named is not None:
            shown["action_names"] = tuple(names)
        if self._shape is not None:
            shown["grid"] = self._grid(_inside(seen), self._shape)
        return shown

    def _mask(self, seen: Any, player: str) -> np.ndarray[Any, np.dtype[np.int8]]:
        mask = seen.get("action_mask") if isinstance(seen, Mapping) else None
        if mask is None:
            mask = self._inner.infos.get(player, {}).get("action_mask")
        if mask is None:
            return np.ones(self._count, np.int8)
        if len(mask) != self._count:
            raise ValueError(
                f"action_mask has {len(mask)} places, one for each of {self._count} actions is due"
            )
        if not np.any(mask):
            raise ValueError(f"action_mask leaves {player} no action; end the episode where nobody can move")
        return np.array(mask, np.int8)

    def _grid(self, seen: Any, shape: tuple[int, int, int]) -> Grid:
        if seen is None:
            return np.zeros(shape, np.float32)
        values = np.asarray(seen, np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1) if values.ndim == 3 else values.reshape(shape))

    def move(self, moves: Mapping[int, Action]) -> None:
        ((_, action),) = moves.items()
        self._inner.step(int(action))
        for player, reward in self._inner.rewards.items():
            self._earned[self._seat(player)] += paid(reward)
        self._pass_the_dead()

    def _pass_the_dead(self) -> None:
        """Take the dead steps that are due; they pay nobody."""
        inner = self._inner
        for _ in range(2 * len(self._players)):
            if not inner.agents:
                return
            self._seat(player := inner.agent_selection)
            if not (inner.terminations[player] or inner.truncations[player]):
                return
            self._dropped = self._dropped or bool(inner.truncations[player])
            inner.step(None)
        if inner.agents:
            raise ValueError("step(None) does not take agents that have ended out of env.agents")

    def totals(self) -> Sequence[float] | None:
        return self._earned

    def close(self) -> None:
        self._inner.close()


def _inside(seen: Any) -> Any:
    """What a seat sees, without its mask."""
    return seen.get("observation", seen) if isinstance(seen, Mapping) else seen


def _planes(space: spaces.Space[Any]) -> tuple[int, int, int] | None:
    inner = space.spaces.get("observation", space) if isinstance(space, spaces.Dict) else space
    if not isinstance(inner, spaces.Box):
        return None
    shape = inner.shape
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else (int(np.prod(shape)), 1, 1)
