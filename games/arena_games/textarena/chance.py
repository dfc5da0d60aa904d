"""Python's and NumPy's global generators, lent to a game that draws from them.

TextArena seeds and draws from the global state, so that matches side by side would disturb each other, and
whatever else draws from it. Here each match has a state of its own, which is in place while its game runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import mtrand


class OwnChance:
    """The global generators' state of one match, from a seed."""

    def __init__(self, seed: int) -> None:
        self._python: Any = random.Random(seed).getstate()
        self._numpy = np.random.MT19937(seed)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The match's own state, and afterwards the one that was there before."""
        python, numpy = random.getstate(), mtrand.get_bit_generator()
        random.setstate(self._python)
        mtrand.set_bit_generator(self._numpy)
        try:
            yield
        finally:
            self._python = random.getstate()
            random.setstate(python)
            mtrand.set_bit_generator(numpy)
