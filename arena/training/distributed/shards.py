"""A model's weights in shards, a part on each process of a team (FSDP2): for what fits no single device.

A layer's weights are gathered where it is read and freed behind, forwards and backwards, and gradients
are added up on their way back into shards; so all processes must read equally often. To play, each
gathers the whole model, and frees it when the trainer takes its memory back.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from arena_agents.causal_lm.decoder import decoder_layers
from arena_agents.engines.transformers import TransformersEngine


def shard(root: nn.Module, device: torch.device, processes: int) -> None:
    """Leave of every weight of `root` only this process's part, on `device`.

    The weights are the first process's: no other need have loaded them. Each decoder layer is gathered
    by itself, the rest with `root`. Afterwards the parameters are DTensors; whoever keeps them keeps
    the shards.
    """
    mesh = init_device_mesh(device.type, (processes,))
    layers = decoder_layers(root)
    for module in (*layers, root):
        for parameter in module.parameters():
            if not isinstance(parameter, DTensor):
                parameter.data = parameter.data.to(device)
                dist.broadcast(parameter.data, src=0)
        fully_shard(module, mesh=mesh, reshard_after_forward=True)
    ordered: list[Any] = [root, *layers]
    for place, module in enumerate(ordered):
        module.set_gradient_divide_factor(1.0)  # each process has a part of the loss: a sum, no mean
        module.set_force_sum_reduction_for_comms(True)  # gloo knows no other
        # By itself FSDP learns the order from what was read before, which differs after playing.
        module.set_modules_to_backward_prefetch([ordered[place - 1]])


class GatheredEngine(TransformersEngine):
    """Plays with the whole weights of a sharded model in every process while it is awake."""

    def __init__(self, model: nn.Module, root: nn.Module, tokenizer: Any, *, batch_tokens: int) -> None:
        super().__init__(model, tokenizer, batch_tokens=batch_tokens, static=False)
        self._sharded = [module for module in root.modules() if isinstance(module, FSDPModule)]

    def sleep(self) -> None:
        """Keep only the shards."""
        super().sleep()
        for module in self._sharded:
            module.reshard()
            module.set_reshard_after_forward(True, recurse=False)

    def wake(self) -> None:
        """Gather all weights and keep them; all processes of the team do this together."""
        super().wake()
        for module in self._sharded:
            module.set_reshard_after_forward(False, recurse=False)
            module.unshard()


def own_part(tensor: Tensor) -> Tensor:
    """This process's part of a sharded tensor; of any other tensor, all of it. No copy."""
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach()


def as_shard(part: Tensor, parameter: Tensor) -> Tensor:
    """A part of a tensor that is sharded like `parameter`, as that tensor; scalars are nobody's part."""
    if not isinstance(parameter, DTensor) or part.dim() == 0:
        return part
    return DTensor.from_local(
        part.to(parameter.device),
        parameter.device_mesh,
        parameter.placements,
        shape=parameter.shape,
        stride=parameter.stride(),
    )


def whole(part: Tensor, parameter: Tensor) -> Tensor:
    """The whole tensor of which every process has a part, in CPU memory; all processes ask together.

    What is not sharded is returned as it is.
    """
    tensor = as_shard(part, parameter)
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def part_of(tensor: Tensor, parameter: Tensor) -> Tensor:
    """This process's part of a whole tensor that every process has."""
    if not isinstance(parameter, DTensor) or tensor.dim() == 0:
        return tensor
    # Without a source each process cuts its own part out: nothing is sent.
    placed = distribute_tensor(
        tensor.to(parameter.device), parameter.device_mesh, parameter.placements, src_data_rank=None
    )
    return placed.to_local()
