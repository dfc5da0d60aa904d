"""Episode seeds in three ranges that cannot meet: what is trained on is never evaluated on."""

from __future__ import annotations

import hashlib

from arena_games.splits import SPLIT_BITS, Split

__all__ = ["Split", "decision_seed", "episode_seed"]


def episode_seed(split: Split, seed: int, *index: int) -> int:
    """The 48-bit start seed of an episode: which run, and which episode of it."""
    return (int(split) << SPLIT_BITS) | decision_seed(int(split), seed, *index) % (1 << SPLIT_BITS)


def decision_seed(*parts: int) -> int:
    """A 64-bit seed that is a function of the numbers that name a decision."""
    text = ":".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
