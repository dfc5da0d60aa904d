"""What an episode is for, which its seed tells: to train on, to choose a policy by, or to be judged by.

An episode seed has 48 bits, and the two highest are its split. A game may keep its splits' start positions
apart: it asks `split_of` for the seed that it is reset with, so that the seed alone still decides the whole
episode. Seeds outside the 48 bits, or with both bits clear, belong to no split: any position may be drawn.
"""

from __future__ import annotations

from enum import IntEnum

SPLIT_BITS = 46  # below the split's


class Split(IntEnum):
    """What an episode is for; the two highest bits of its seed."""

    TRAIN = 1
    VALIDATION = 2
    TEST = 3


def split_of(seed: int | None) -> Split | None:
    """The split that an episode's seed belongs to; None for a seed of no split."""
    bits = -1 if seed is None else seed >> SPLIT_BITS
    return Split(bits) if bits in (1, 2, 3) else None
