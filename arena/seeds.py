"""Episode seeds in three ranges that cannot meet: what is trained on is never evaluated on."""

from __future__ import annotations

from enum import IntEnum

from arena.table import decision_seed

_SPLIT_BITS = 46


class Split(IntEnum):
    """What an episode is for; the two highest bits of its seed."""

    TRAIN = 1
    VALIDATION = 2
    TEST = 3


def episode_seed(split: Split, seed: int, *index: int) -> int:
    """The 48-bit start seed of an episode: which run, and which episode of it."""
    return (int(split) << _SPLIT_BITS) | decision_seed(int(split), seed, *index) % (1 << _SPLIT_BITS)
