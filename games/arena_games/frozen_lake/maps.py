"""Which lakes are trained on and which are not: the split of a map, told by the map alone.

Of ten maps six belong to training, two to validation and two to test, whatever the ice: a hash of the map
says which. Most of the probability lies on few maps: of the 3,828 of 4x4 that can be crossed, as if on 165
equally likely ones, and as if on 15 where the ice is slippery. So a hash may by chance give one split the
easy ones. `SALT` is the one of 2,000 with which the splits differ least, from each other and from all maps,
in what depends on no agent: the mean number of holes, and how often perfect play reaches the goal.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from arena_games.splits import Split
from arena_games.squares import Cell, listed

SALT = 927
_SPLITS = (Split.TEST,) * 2 + (Split.VALIDATION,) * 2 + (Split.TRAIN,) * 6


@lru_cache(maxsize=16_384)
def map_split(size: int, holes: frozenset[Cell]) -> Split:
    """The split of a lake of `size` x `size` cells with these holes.

    Hashed is the map's name, which lists the holes by x, then by y, such as
    `frozen-lake maps 927: 4x4 (0, 1) (2, 2)`, or `… 4x4 none`. BLAKE2b with a digest of 8 bytes, read as a
    little-endian number, modulo 10: 0 and 1 are test, 2 and 3 validation, the others training.
    """
    name = f"frozen-lake maps {SALT}: {size}x{size} {listed(tuple(sorted(holes)))}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return _SPLITS[int.from_bytes(digest, "little") % len(_SPLITS)]
