"""The weights in training and their optimiser: copied, put back, and whole for what is stored.

Where the model is sharded, a copy is of this process's parts, and what is stored is whole: a run may
go on with another number of processes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from arena.training.distributed.shards import as_shard, own_part, part_of, whole

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Weights by name and the optimiser's state, to step back to. It lies in CPU memory."""

    weights: Weights
    optimizer: dict[str, Any]

    def map(self, change: Callable[[Tensor, Tensor], Tensor], parameters: Mapping[str, Tensor]) -> Snapshot:
        """Every tensor, given with the parameter that it belongs to, changed."""
        weights = {name: change(tensor, parameters[name]) for name, tensor in self.weights.items()}
        owners = list(parameters.values())
        state = {
            index: {slot: change(tensor, owners[index]) for slot, tensor in slots.items()}
            for index, slots in self.optimizer["state"].items()
        }
        return Snapshot(weights, {**self.optimizer, "state": state})


class TrainedWeights:
    """The parameters of a model that require gradients, by name, and the optimiser of them."""

    def __init__(self, model: nn.Module, *, rate: float, weight_decay: float) -> None:
        self.parameters: dict[str, nn.Parameter] = {
            name: p for name, p in model.named_parameters() if p.requires_grad
        }
        self.optimizer = torch.optim.AdamW(list(self.parameters.values()), lr=rate, weight_decay=weight_decay)

    def copy(self) -> Weights:
        """The weights as they are, in CPU memory."""
        return {name: in_ram(own_part(p)) for name, p in self.parameters.items()}

    @contextmanager
    def holding(self, weights: Weights) -> Iterator[None]:
        """Inside, the policy is that of other weights."""
        own = self.copy()
        self._put(weights)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, weights: Weights) -> None:
        for name, parameter in self.parameters.items():
            own_part(parameter).copy_(weights[name])

    def snapshot(self) -> Snapshot:
        """A copy of all that an update changes."""
        state = self.optimizer.state_dict()
        slots = {
            index: {slot: in_ram(own_part(torch.as_tensor(value))) for slot, value in values.items()}
            for index, values in state["state"].items()
        }
        return Snapshot(self.copy(), {"state": slots, "param_groups": copy.deepcopy(state["param_groups"])})

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot."""
        self._put(snapshot.weights)
        state = copy.deepcopy(snapshot.optimizer)
        self.optimizer.load_state_dict(Snapshot({}, state).map(as_shard, self.parameters).optimizer)

    def whole(self, *, keep: bool = True) -> Weights:
        """The weights as they are, whole. All processes of a team ask together, and some keep nothing."""
        found = ((name, whole(own_part(p), p)) for name, p in self.parameters.items())
        return {name: tensor for name, tensor in found if keep}

    def gathered(self, snapshot: Snapshot, *, keep: bool = True) -> Snapshot:
        """A snapshot of the whole weights, of which each process has one of its parts; asked as `whole`."""

        def gather(part: Tensor, parameter: Tensor) -> Tensor:
            gathered = whole(part, parameter)
            return gathered if keep else part

        return snapshot.map(gather, self.parameters)

    def part_of(self, snapshot: Snapshot) -> Snapshot:
        """This process's part of a snapshot of the whole weights."""
        return snapshot.map(lambda tensor, p: in_ram(part_of(tensor, p)), self.parameters)


def in_ram(tensor: Tensor) -> Tensor:
    """A copy in CPU memory, wherever the tensor lies."""
    return tensor.to("cpu", copy=True)
