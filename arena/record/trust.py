"""Whether what a record names may run: games that are Python files or modules, not part of any package.

A run may be somebody else's, and looking at it starts nothing of theirs unless the user says so.
"""

from __future__ import annotations

from arena.record.store import Store
from arena_games.base import UsageError
from arena_games.registry import find_game, is_code, stored_game


def untrusted_games(store: Store, *, trust: bool = False) -> list[str]:
    """The games of a run that are code which nobody has named in this process; with `trust` they are loaded.

    Raises UsageError for one that is trusted and cannot be loaded.
    """
    found = []
    for name in store.games():
        if not is_code(name):
            continue
        if trust:
            find_game(name)
        elif not _known(name):
            found.append(name)
    return found


def _known(name: str) -> bool:
    try:
        stored_game(name)
    except UsageError:
        return False
    return True
