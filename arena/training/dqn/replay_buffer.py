"""Experience for Q-learning: episodes become n-step transitions in a ring of fixed size."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.match.episode import Step
from arena_agents.dqn.agent import DqnCard, legal_masks
from arena_agents.dqn.window import visible, windows

COMPRESSION = 1  # boards are nearly all zeros: the fastest level already takes a twentieth of the room


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions to learn from. Only those of the rows `onward_M` have a next state; the episodes of the
    others ended within n steps. `discount` is γⁿ.
    """

    windows_BN: Tensor
    actions_B: Tensor
    returns_B: Tensor
    onward_M: Tensor
    next_windows_MN: Tensor
    next_legal_MA: Tensor
    discount: float


def n_step_returns(rewards_T: Sequence[float], n: int, discount: float) -> NDArray[np.float32]:
    """The discounted sum of the next `n` rewards from each step on, float32 (T,)."""
    padded = np.concatenate([np.asarray(rewards_T, np.float64), np.zeros(n)])
    sums = sum(discount**k * padded[k : k + len(rewards_T)] for k in range(n))
    return np.asarray(sums, np.float32)


class ReplayBuffer:
    """The last `capacity` decisions, each with its n-step return.

    Decisions of an episode lie in a row, so a decision's next state is `n_step` rows on where the
    episode goes on for so long, and every board is stored once, as the network sees it but not yet
    centred. Whatever overwrites a next state has overwritten the older decision before it.
    """

    def __init__(self, card: DqnCard, capacity: int, n_step: int, discount: float) -> None:
        self.radius, self.capacity, self.n_step, self.discount = card.radius, capacity, n_step, discount
        self.size = self.written = 0
        channels, height, width = card.planes
        self.boards = np.zeros((capacity, height, width, channels + 1), np.float32)
        self.legal = np.zeros((capacity, len(card.actions)), np.bool_)
        self.actions = np.zeros(capacity, np.int64)
        self.returns = np.zeros(capacity, np.float32)
        self.onward = np.zeros(capacity, np.bool_)

    def add(self, steps: Sequence[Step]) -> None:
        """Store all decisions of one seat in one episode. Running out of time is an end like any other:
        the planes show the moves that are left.
        """
        length = len(steps)
        if length > self.capacity:
            raise ValueError(f"an episode of {length} decisions does not fit into {self.capacity} rows")
        rows = (self.written + np.arange(length)) % self.capacity
        grids = [step.observation.grid for step in steps if step.observation.grid is not None]
        self.boards[rows] = visible(np.stack(grids))
        self.legal[rows] = legal_masks((step.observation.legal for step in steps), self.legal.shape[1])
        self.actions[rows] = [step.action for step in steps]
        self.returns[rows] = n_step_returns([step.reward for step in steps], self.n_step, self.discount)
        self.onward[rows] = np.arange(length) < length - self.n_step
        self.written = (self.written + length) % self.capacity
        self.size = min(self.size + length, self.capacity)

    def sample(self, count: int, rng: np.random.Generator) -> Batch:
        """Transitions drawn uniformly, with replacement."""
        rows_B = rng.integers(self.size, size=count)
        onward_M = np.flatnonzero(self.onward[rows_B])
        next_M = (rows_B[onward_M] + self.n_step) % self.capacity
        return Batch(
            windows_BN=self._windows(rows_B),
            actions_B=torch.from_numpy(self.actions[rows_B]),
            returns_B=torch.from_numpy(self.returns[rows_B]),
            onward_M=torch.from_numpy(onward_M),
            next_windows_MN=self._windows(next_M),
            next_legal_MA=torch.from_numpy(self.legal[next_M]),
            discount=self.discount**self.n_step,
        )

    def _windows(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(windows(self.boards[rows], self.radius))

    def columns(self) -> dict[str, NDArray[np.generic]]:
        return {
            "boards": self.boards,
            "legal": self.legal,
            "actions": self.actions,
            "returns": self.returns,
            "onward": self.onward,
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
        """Take up a state that `state` returned for a buffer of the same shape.

        Raises ValueError or KeyError for another one.
        """
        size, written = (int(number) for number in state["position"])
        if not (0 <= size <= self.capacity and 0 <= written < self.capacity):
            raise ValueError(f"{size} decisions do not fit into a buffer of {self.capacity}")
        self.size, self.written = size, written
        for name, column in self.columns().items():
            filled = column[:size]
            # No more is unpacked than there is room for: a damaged state may be of any size.
            try:
                raw = zlib.decompressobj().decompress(state[name].numpy().tobytes(), filled.nbytes + 1)
            except zlib.error as error:
                raise ValueError(f"{name} cannot be unpacked: {error}") from error
            column[:size] = np.frombuffer(raw, column.dtype).reshape(filled.shape)
