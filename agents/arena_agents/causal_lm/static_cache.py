"""Keys and values that stay where they are, as transformers' models write to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, StaticLayer

from arena_agents.causal_lm.forward import Prefilled

MOST_MEMORY = 0.15  # of a GPU's that keys and values may take
LARGE = 0.04  # of a GPU's: more of them are given back while the model learns

Layer = tuple[Tensor, Tensor]  # keys and values, (N, G, T, E) each


@dataclass(frozen=True, slots=True)
class Buffers:
    """Room for R rows of T tokens in each of D layers.

    `keys` and `values` are (D, R, G, T, E), `bias` (R, 1, 1, T) is 0 where a token is seen, `at_1` is the
    place where the next is written, the same for all rows.
    """

    keys: Tensor
    values: Tensor
    bias: Tensor
    ids_N1: Tensor
    positions_N1: Tensor
    at_1: Tensor

    @property
    def rows(self) -> int:
        return self.keys.shape[1]

    @property
    def room(self) -> int:
        return self.keys.shape[3]

    def is_large(self) -> bool:
        """Whether a learner would miss the memory."""
        size = self.keys.nbytes + self.values.nbytes
        return self.keys.is_cuda and size > LARGE * torch.cuda.mem_get_info(self.keys.device)[1]

    def holds(self, rows: int, room: int) -> bool:
        return rows <= self.rows and room <= self.room

    @staticmethod
    def make(like: Layer, layers: int, rows: int, room: int) -> Buffers:
        shapes = [(layers, rows, tensor.shape[1], room, tensor.shape[3]) for tensor in like]
        keys, values = (like[0].new_zeros(shape) for shape in shapes)
        return Buffers(
            keys=keys,
            values=values,
            bias=keys.new_zeros(rows, 1, 1, room),
            ids_N1=torch.zeros(rows, 1, dtype=torch.long, device=keys.device),
            positions_N1=torch.zeros(rows, 1, dtype=torch.long, device=keys.device),
            at_1=torch.zeros(1, dtype=torch.long, device=keys.device),
        )

    def fill(self, layers: list[Layer], read: Prefilled, rows_N: Tensor) -> None:
        count, length = len(rows_N), read.real_NT.shape[1]
        for own, theirs in zip(self.keys, layers, strict=True):
            own[:count, :, :length] = theirs[0][rows_N]
        for own, theirs in zip(self.values, layers, strict=True):
            own[:count, :, :length] = theirs[1][rows_N]
        self.bias.fill_(torch.finfo(self.bias.dtype).min)
        self.bias[:count, 0, 0, :length].masked_fill_(read.real_NT[rows_N].bool(), 0)
        self.positions_N1[:count, 0] = read.lengths_N[rows_N]
        self.at_1.fill_(length)

    def rewind(self, at_1: Tensor, positions_N1: Tensor) -> None:
        """Back to before a step: the next one writes to the same place."""
        self.at_1.copy_(at_1)
        self.positions_N1.copy_(positions_N1)

    def cache(self, rows: int) -> Cache:
        """The first `rows` as a cache that writes at `at_1`."""
        layers = zip(self.keys, self.values, strict=True)
        return Cache(layers=[_Layer(keys[:rows], values[:rows], self.at_1) for keys, values in layers])

    def compact(self, rows_N: Tensor) -> None:
        """Move these rows to the front."""
        for tensor, axis in ((self.keys, 1), (self.values, 1), (self.bias, 0), (self.positions_N1, 0)):
            tensor.narrow(axis, 0, len(rows_N)).copy_(tensor.index_select(axis, rows_N))


class _Layer(StaticLayer):  # type: ignore[misc]
    """A layer's part of the buffers, as transformers' models write to it."""

    def __init__(self, keys: Tensor, values: Tensor, at_1: Tensor) -> None:
        super().__init__(max_cache_len=keys.shape[2])
        self.keys, self.values, self.at_1 = keys, values, at_1
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        self.keys.index_copy_(2, self.at_1, key_states)
        self.values.index_copy_(2, self.at_1, value_states)
        return self.keys, self.values


def layers_of(read: Prefilled) -> list[Layer] | None:
    """Keys and values (N, G, T, E) of each layer, if all layers are alike and hold nothing else."""
    found = [(getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in read.cache.layers]
    length = read.real_NT.shape[1]
    shapes = {(None if k is None else k.shape, None if v is None else v.shape) for k, v in found}
    if len(shapes) != 1 or any(layer.is_sliding for layer in read.cache.layers):
        return None
    keys, values = found[0]
    if keys is None or values is None or keys.dim() != 4 or keys.shape[2] != length:
        return None
    return found  # type: ignore[return-value]


def fits(like: Layer, layers: int, rows: int, room: int) -> bool:
    keys, values = like
    size = layers * rows * room * keys.shape[1] * (keys.shape[3] + values.shape[3]) * keys.element_size()
    if keys.device.type != "cuda":
        return True
    return size <= MOST_MEMORY * torch.cuda.mem_get_info(keys.device)[1]
