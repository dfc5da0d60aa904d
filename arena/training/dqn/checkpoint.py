"""A DQN checkpoint as named tensors: both networks, the best so far, optimiser, and replay buffer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from arena.training.dqn.q_learning import Learner
from arena.training.dqn.replay_buffer import ReplayBuffer
from arena_agents.dqn.agent import DqnPolicy


def checkpoint_tensors(
    learner: Learner, buffer: ReplayBuffer, best: DqnPolicy | None = None
) -> dict[str, Tensor]:
    """Everything a learner and its buffer consist of, and the best policy so far, by dotted name."""
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
        **_prefixed("best", best.network.state_dict() if best else {}),
    }


def restore(learner: Learner, buffer: ReplayBuffer, tensors: Mapping[str, Tensor]) -> DqnPolicy | None:
    """Put a checkpoint's tensors back; returns the best policy so far, if it holds one.

    Raises KeyError, ValueError or RuntimeError if they do not fit.
    """
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
    weights = _under("best", tensors)
    if not weights:
        return None
    best = DqnPolicy.fresh(learner.policy.card, seed=0)
    best.network.load_state_dict(weights)
    return best


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value.contiguous() for name, value in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
