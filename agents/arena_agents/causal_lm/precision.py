"""An adapter in float32 on a model in half precision, computed in the model's precision.

peft keeps an adapter's weights in float32, which its optimiser needs, and computes with them in float32 too:
on a CPU with bfloat16 products that takes longer than the layer they are added to. Under autocast they are
rounded when they are used; weights and gradients stay in float32.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

HALF = (torch.bfloat16, torch.float16)


@contextmanager
def in_model_precision(model: Any) -> Iterator[None]:
    """Inside, an adapter on a half-precision model on a CPU is computed as the model is."""
    weight = next(model.parameters())
    adapted = "peft" in sys.modules and hasattr(model, "get_base_model")
    if not adapted or weight.dtype not in HALF or weight.device.type != "cpu":
        yield
        return
    from peft.helpers import disable_input_dtype_casting

    with disable_input_dtype_casting(model), torch.autocast("cpu", weight.dtype):
        yield
