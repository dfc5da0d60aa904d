"""Experience for Q-learning: episodes become n-step transitions in a ring of fixed size."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.episode import Step
from arena_agents.dqn import legal_mask

COMPRESSION = 1  # planes are nearly all zeros: the fastest level already takes a twentieth of the room


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions to learn from. `discounts_B` is γᵏ, or 0 where the episode ended within k steps."""

    grids_BCHW: Tensor
    actions_B: Tensor
    returns_B: Tensor
    discounts_B: Tensor
    next_grids_BCHW: Tensor
    next_legal_BA: Tensor


def n_step_returns(rewards_T: Sequence[float], n: int, discount: float) -> NDArray[np.float32]:
    """The discounted sum of the next `n` rewards from each step on, float32 (T,)."""
    padded = np.concatenate([np.asarray(rewards_T, np.float64), np.zeros(n)])
    sums = sum(discount**k * padded[k : k + len(rewards_T)] for k in range(n))
    return np.asarray(sums, np.float32)


class ReplayBuffer:
    """The last `capacity` decisions, each with its n-step return.

    Decisions of an episode lie in a row, so a decision's next state is `gap` rows on (0: the
    episode ends first) and every grid is stored once. Whatever overwrites a next state has
    overwritten the older decision before it.
    """

    def __init__(
        self, capacity: int, planes: tuple[int, int, int], actions: int, n_step: int, discount: float
    ) -> None:
        self.capacity, self.n_step, self.discount = capacity, n_step, discount
        self.size = self.written = 0
        self.grids = np.zeros((capacity, *planes), np.float32)
        self.legal = np.zeros((capacity, actions), np.bool_)
        self.actions = np.zeros(capacity, np.int64)
        self.returns = np.zeros(capacity, np.float32)
        self.gaps = np.zeros(capacity, np.int64)

    def add(self, steps: Sequence[Step]) -> None:
        """Store all decisions of one seat in one episode. Running out of time is an end like any other:
        the planes show the moves that are left.
        """
        length = len(steps)
        if length > self.capacity:
            raise ValueError(f"an episode of {length} decisions does not fit into {self.capacity} rows")
        rows = (self.written + np.arange(length)) % self.capacity
        returns = n_step_returns([step.reward for step in steps], self.n_step, self.discount)
        for row, step, earned in zip(rows, steps, returns, strict=True):
            assert step.observation.grid is not None
            self.grids[row] = step.observation.grid
            self.legal[row] = legal_mask(step.observation.legal, self.legal.shape[1])
            self.actions[row] = step.action
            self.returns[row] = earned
        left = length - np.arange(length)
        self.gaps[rows] = np.where(left > self.n_step, self.n_step, 0)
        self.written = (self.written + length) % self.capacity
        self.size = min(self.size + length, self.capacity)

    def sample(self, count: int, rng: np.random.Generator) -> Batch:
        """Transitions drawn uniformly, with replacement."""
        rows = rng.integers(self.size, size=count)
        after = (rows + self.gaps[rows]) % self.capacity
        discounts = np.where(self.gaps[rows] > 0, self.discount**self.n_step, 0.0).astype(np.float32)
        return Batch(
            grids_BCHW=torch.from_numpy(self.grids[rows]),
            actions_B=torch.from_numpy(self.actions[rows]),
            returns_B=torch.from_numpy(self.returns[rows]),
            discounts_B=torch.from_numpy(discounts),
            next_grids_BCHW=torch.from_numpy(self.grids[after]),
            next_legal_BA=torch.from_numpy(self.legal[after]),
        )

    def columns(self) -> dict[str, NDArray[np.generic]]:
        return {
            "grids": self.grids,
            "legal": self.legal,
            "actions": self.actions,
            "returns": self.returns,
            "gaps": self.gaps,
        }

    def state(self) -> dict[str, Tensor]:
        """The filled rows, exactly, each column compressed into bytes; and where to write next."""
        packed = {
            name: torch.from_numpy(
                np.frombuffer(zlib.compress(column[: self.size].tobytes(), COMPRESSION), np.uint8).copy()
            )
            for name, column in self.columns().items()
        }
        return {**packed, "position": torch.tensor([self.size, self.written])}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up a state that `state` returned for a buffer of the same shape."""
        self.size, self.written = (int(number) for number in state["position"])
        for name, column in self.columns().items():
            raw = zlib.decompress(state[name].numpy().tobytes())
            column[: self.size] = np.frombuffer(raw, column.dtype).reshape(-1, *column.shape[1:])
