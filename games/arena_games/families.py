"""Which games are kinds of one: `snake-poison` and `snake(size=9)` are Snake, and so is Snake in skins."""

from __future__ import annotations

from arena_games.base import UsageError
from arena_games.registry import BUILT_IN
from arena_games.skins.spec import split_name
from arena_games.variants import split_numbers


def family(game: str) -> str:
    """The name that a game shares with its kinds: ours the shortest, others' their own without numbers."""
    try:
        in_skins = split_name(game)
        bare, _ = split_numbers(in_skins[1] if in_skins else game)
    except UsageError:  # what reads like numbers or skins belongs to the name
        return game
    ours = [spec.name for spec in BUILT_IN]
    if bare not in ours:
        return bare
    return min((name for name in ours if f"{bare}-".startswith(f"{name}-")), key=len)
