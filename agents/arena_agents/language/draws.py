"""Other draws of one policy: the seed of a reply, with a number mixed in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from arena_games.base import Observation


def seeds_of(observations: Sequence[Observation], draws: int) -> list[int]:
    """The seeds of the replies to these: the observations' own for `draws` 0, else others."""
    return [_mixed(observation.seed, draws) for observation in observations]


def _mixed(seed: int, draws: int) -> int:
    if not draws:
        return seed
    digest = hashlib.blake2b(f"{seed}:draws:{draws}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
