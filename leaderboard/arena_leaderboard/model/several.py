"""Several questions asked of the same results: how likely it is that any of the answers is wrong."""

from __future__ import annotations

from collections.abc import Sequence


def holm(chances: Sequence[float]) -> list[float]:
    """Chances adjusted for their number (Holm 1979), in the order given.

    Those up to α are settled, with a probability of at most α that any of them is so wrongly.
    """
    adjusted, least = [0.0] * len(chances), 0.0
    for place, number in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        least = max(least, min(1.0, (len(chances) - place) * chances[number]))
        adjusted[number] = least
    return adjusted
