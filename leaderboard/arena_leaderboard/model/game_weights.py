"""What each game weighs in ratings over several: the overall order hangs on it.

game    all weigh the same
family  all families weigh the same, and so do the games of one: four kinds of Snake are not four games
match   as much as matches were played in it, each counted once for each of its agents
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

Weights = Literal["game", "family", "match"]
Family = Callable[[str], str]


def itself(game: str) -> str:
    """The family of a game that has no other."""
    return game


def game_shares(matches: Mapping[str, int], weights: Weights, family: Family = itself) -> dict[str, float]:
    """What each game weighs beside the others; `matches` counts those of its agents in each.

    Raises ValueError for another word than the three.
    """
    if weights == "game":
        return dict.fromkeys(matches, 1.0)
    if weights == "match":
        return {game: float(count) for game, count in matches.items()}
    if weights == "family":
        sizes = Counter(map(family, matches))
        return {game: 1 / sizes[family(game)] for game in matches}
    raise ValueError(f"weights are game, family or match, not {weights!r}")
