"""A DQN checkpoint as named tensors: both networks, the optimiser, and the replay buffer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from arena.training.dqn.q_learning import Learner
from arena.training.dqn.replay_buffer import ReplayBuffer


def checkpoint_tensors(learner: Learner, buffer: ReplayBuffer) -> dict[str, Tensor]:
    """Everything a learner and its buffer consist of, by dotted name."""
    moments = {
        f"{index}.{name}": value
        for index, entry in learner.optimiser.state_dict()["state"].items()
        for name, value in entry.items()
    }
    return {
        "updates": torch.tensor(learner.updates),
        **_prefixed("policy", learner.policy.network.state_dict()),
        **_prefixed("target", learner.target.network.state_dict()),
        **_prefixed("optimiser", moments),
        **_prefixed("replay", buffer.state()),
    }


def restore(learner: Learner, buffer: ReplayBuffer, tensors: Mapping[str, Tensor]) -> None:
    """Put a checkpoint's tensors back. Raises KeyError, ValueError or RuntimeError if they do not fit."""
    learner.updates = int(tensors["updates"])
    learner.policy.network.load_state_dict(_under("policy", tensors))
    learner.target.network.load_state_dict(_under("target", tensors))
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimiser", tensors).items():
        index, _, key = name.partition(".")
        entries.setdefault(int(index), {})[key] = value
    groups = learner.optimiser.state_dict()["param_groups"]
    learner.optimiser.load_state_dict({"state": entries, "param_groups": groups})
    buffer.load_state(_under("replay", tensors))


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value.contiguous() for name, value in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
