"""How many threads a training computes with: sums are taken in another order with another number."""

from __future__ import annotations


def threads() -> int:
    """The threads that torch computes with in this process."""
    import torch

    return int(torch.get_num_threads())


def set_threads(stored: object) -> None:
    """Compute with as many as the run was started with; runs of earlier versions do not say."""
    import torch

    if isinstance(stored, int) and 0 < stored != torch.get_num_threads():
        torch.set_num_threads(stored)
