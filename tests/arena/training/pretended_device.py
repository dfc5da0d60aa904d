"""A device that is not the CPU, made of CPU tensors: an operation over both fails, as on a GPU.

Python backends are experimental in torch, and this one changes torch for the whole process: import it
only in a process of its own. Backward passes are beyond it.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended", 0)
CPU = torch.device("cpu")
CROSSING = {"aten::copy_", "aten::_to_copy"}
SCALARS = {"aten::_local_scalar_dense", "aten::equal"}
INDEXING = {
    "aten::index.Tensor",
    "aten::index_put_",
    "aten::_index_put_impl_",
}  # a CPU index is moved by itself


class Pretended(Tensor):
    """A tensor of this device; `inner` holds its values."""

    @staticmethod
    def __new__(cls, inner):
        return Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return operate(operation, *args, **(kwargs or {}))

    def tolist(self):
        return self.inner.tolist()

    def __getitem__(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        return super().__getitem__(tuple(on_cpu(part) if isinstance(part, list) else part for part in keys))


def operate(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Do it with the CPU's tensors, if all of them are on this device."""
    name = operation.name()
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    foreign = [t for t in tensors if not isinstance(t, Pretended) and t.dim() > 0]
    own = len(tensors) > len(foreign)
    indexed_by_cpu = name in INDEXING and isinstance(args[0], Pretended)
    if own and foreign and name not in CROSSING and not indexed_by_cpu:
        raise RuntimeError(f"{name} is given tensors on two devices")
    found = operation(*tree_map(inside, args), **tree_map(inside, kwargs))
    if operation._schema.is_mutable and "out" not in kwargs:
        return args[0]
    to_cpu = name == "aten::_to_copy" and kwargs.get("device") == CPU
    return found if to_cpu or name in SCALARS else tree_map(outside, found)


def inside(leaf: Any) -> Any:
    if isinstance(leaf, Pretended):
        return leaf.inner
    return CPU if isinstance(leaf, torch.device) else leaf


def outside(leaf: Any) -> Any:
    return Pretended(leaf) if isinstance(leaf, Tensor) else leaf


on_cpu = torch.tensor


def tensor(data, *, device=None, **options):
    """torch.tensor puts values on a device by a way that is closed to Python backends."""
    return on_cpu(data, **options) if device is None else on_cpu(data, **options).to(device)


torch.tensor = tensor
fallback = torch.library.Library("_", "IMPL")
fallback.fallback(operate, "PrivateUse1")
