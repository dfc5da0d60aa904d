"""A critic: what a state is worth, and each step's advantage by it (`credit=turn_gae`).

    δ_h = r_h + γ V(s_{h+1}) − V(s_h),   A_h = Σ_{l≥0} (γλ)^l δ_{h+l},   V = 0 after the last turn

Generalised advantage estimation (arXiv 1506.02438) over turns rather than tokens, as in turn-PPO (arXiv
2512.17008) and VAGEN's two levels: a reply's tokens all inherit their turn's advantage, since a reply is an
action long. V is a small network on the game's numeric view, apart from the policy, fitted to A + V after
each rollout. The horizon is an end like another: the moves that are left are part of the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from arena.match.seeds import decision_seed
from arena.training.language.rollout import Rollout
from arena.training.msgrpo.advantage import EPSILON
from arena.training.run_folder import DOES_NOT_FIT, REMEDY
from arena_agents import Observation
from arena_games.base import UsageError

WIDTH = 128  # of its two hidden layers
PASSES, MINIBATCH = 4, 256  # over a rollout's steps, and steps at a time
FILE = "critic.safetensors"


def turn_gae(rewards: Sequence[float], values: Sequence[float], discount: float, decay: float) -> list[float]:
    """The advantages A_h of one episode's turns from their rewards and V(s_h); λ = `decay`."""
    advantages: list[float] = []
    later, following = 0.0, 0.0
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        later = reward + discount * following - value + discount * decay * later
        advantages.append(later)
        following = value
    return advantages[::-1]


class Critic:
    """V(s), fitted as training goes on. Its network is made when the first rollout shows how large a view is.

    Runs on the CPU in float32. Two runs of one seed have the same critic, and its draws are its own.
    """

    def __init__(self, *, discount: float, decay: float, rate: float, scale: str, seed: int) -> None:
        self.discount, self.decay, self.rate = discount, decay, rate
        self.scale, self.seed = scale, seed
        self.network: nn.Sequential | None = None
        self.loss: float | None = None
        """The mean squared error of V on the last rollout before it was fitted to it."""

    def advantages(self, rollout: Rollout) -> list[list[list[float]]]:
        """Each step's advantage, by group and trajectory, with V as it was; V then takes the rollout in.

        With scale `std` they are standardised over all steps of the rollout. Raises UsageError if the game
        has no numeric view.
        """
        trajectories = rollout.trajectories
        view_NI = _views([step.observation for step in rollout.steps])
        values = torch.split(self.values(view_NI), [len(t.steps) for t in trajectories])
        by_turn = [
            turn_gae([step.reward for step in t.steps], v.tolist(), self.discount, self.decay)
            for t, v in zip(trajectories, values, strict=True)
        ]
        raw_N = torch.tensor([a for row in by_turn for a in row], dtype=torch.float64)
        self._fit(view_NI, (raw_N + torch.cat(values).double()).float())
        scaled = iter(_standardised(raw_N).tolist() if self.scale == "std" else raw_N.tolist())
        return [[[next(scaled) for _ in t.steps] for t in group] for group in rollout.groups]

    @torch.no_grad()
    def values(self, view_NI: Tensor) -> Tensor:
        """V of N flattened views, (N,)."""
        if self.network is None:
            self._make(view_NI.shape[1])
        assert self.network is not None
        found: Tensor = self.network(view_NI)
        return found.squeeze(1)

    def _make(self, inputs: int) -> None:
        with torch.random.fork_rng([]):
            torch.manual_seed(decision_seed(self.seed, 3) % 2**63)
            self.network = nn.Sequential(
                nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)
            )
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.rate)
        self.fits = 0

    def _fit(self, view_NI: Tensor, target_N: Tensor) -> None:
        """A few passes of least squares."""
        assert self.network is not None
        generator = torch.Generator().manual_seed(decision_seed(self.seed, 4, self.fits) % 2**63)
        self.fits += 1
        with torch.no_grad():
            self.loss = float((self.network(view_NI).squeeze(1) - target_N).square().mean())
        for _ in range(PASSES):
            for part in torch.split(torch.randperm(len(target_N), generator=generator), MINIBATCH):
                error = (self.network(view_NI[part]).squeeze(1) - target_N[part]).square().mean()
                self.optimizer.zero_grad()
                error.backward()
                self.optimizer.step()

    def save(self, folder: Path) -> None:
        """Into a checkpoint: the network, its optimiser's state, and how often it was fitted."""
        if self.network is None:
            return
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(v) for name, v in state.items()}
        tensors["fits"] = torch.tensor(self.fits)
        save_file({name: value.contiguous() for name, value in tensors.items()}, folder / FILE)

    def load(self, folder: Path) -> None:
        """From a checkpoint; does nothing if it holds no critic yet.

        Raises UsageError if it cannot be read.
        """
        if not (folder / FILE).is_file():
            return
        try:
            self._restore(load_file(folder / FILE))
        except (*DOES_NOT_FIT, SafetensorError) as error:
            raise UsageError(f"cannot read {folder / FILE} ({error}); {REMEDY}") from error

    def _restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._make(tensors["network.0.weight"].shape[1])
        assert self.network is not None
        self.network.load_state_dict(
            {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
        )
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".", 2)
                state.setdefault(int(index), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.fits = int(tensors["fits"])


def _views(observations: Sequence[Observation]) -> Tensor:
    """The numeric views, flattened, float32 (N, C·H·W)."""
    grids = [observation.grid for observation in observations if observation.grid is not None]
    if len(grids) < len(observations):
        raise UsageError(
            f"credit=turn_gae needs a numeric view of the game, which {observations[0].game} has not; "
            "use --set credit=gigpo"
        )
    return torch.from_numpy(np.stack([grid.ravel() for grid in grids]))


def _standardised(values_N: Tensor) -> Tensor:
    return (values_N - values_N.mean()) / (values_N.std(correction=0) + EPSILON)
