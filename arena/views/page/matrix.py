"""Tables of agents against agents and of agents against games, tinted by how high each number is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.tournament.entrants import SPECIALIST, Entrant, parse_entrants
from arena.untrusted import escaped_name
from arena.views.numbers import fixed
from arena_leaderboard import Duels, Leaderboard

TINTS = 5  # steps of tint to either side of the middle


@dataclass(frozen=True, slots=True)
class Entry:
    """One number as text, its tint from −TINTS (low) to TINTS (high), and what it says in words."""

    text: str
    tint: int = 0
    words: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """`entries[i][j]` stands in row i under column j."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    entries: tuple[tuple[Entry, ...], ...]


def duel_matrix(agents: Sequence[str], duels: Duels) -> Matrix:
    """How often the row's agent finished ahead of the column's, in percent."""
    names = tuple(escaped_name(agent) for agent in agents)
    entries = tuple(
        tuple(
            _duel(names[i], names[j], duels.shares[i][j], duels.meetings[i][j]) if i != j else Entry("")
            for j in range(len(names))
        )
        for i in range(len(names))
    )
    return Matrix(names, names, entries)


def _duel(one: str, other: str, share: float | None, meetings: int) -> Entry:
    if share is None:
        return Entry("–", words=f"{one} and {other} never met")
    words = f"{one} finished ahead of {other} in {share:.1%} of {meetings:,} meetings"
    return Entry(f"{100 * share:.0f}", round((2 * share - 1) * TINTS), words)


def transfer_matrix(board: Leaderboard, agents: Mapping[str, str]) -> Matrix | None:
    """Mean return of every trained agent, and of what it was trained from, on every game.

    `agents` are the entrants' specs by label. The tint runs, game by game, from the lowest to the
    highest mean return of all agents; a game that an agent was trained on is marked. None where nobody
    was trained.
    """
    entrants = {label: _entrant(spec) for label, spec in agents.items()}
    bases = {entrant.base for entrant in entrants.values() if entrant and entrant.base}
    if not bases:
        return None
    rows = [label for label, made in entrants.items() if made and (made.base or made.spec in bases)]
    returns = {
        game: {standing.agent: standing.mean_return for standing in standings}
        for game, standings in board.games.items()
    }
    entries = tuple(
        tuple(_transferred(label, entrants[label], game, returns[game]) for game in returns) for label in rows
    )
    return Matrix(tuple(map(escaped_name, rows)), tuple(map(escaped_name, returns)), entries)


def _entrant(spec: Any) -> Entrant | None:
    try:
        return parse_entrants([str(spec)])[0]
    except (ValueError, OSError):  # trained on a game that is not installed here, or no spec at all
        return None


def _transferred(
    label: str, entrant: Entrant | None, game: str, returns: Mapping[str, float | None]
) -> Entry:
    own, known = returns.get(label), [value for value in returns.values() if value is not None]
    learned = bool(entrant and (entrant.trained_on == game or entrant.spec == SPECIALIST))
    if own is None:
        return Entry("–", words=f"{escaped_name(label)} has not played {escaped_name(game)}", marked=learned)
    low, high = min(known), max(known)
    share = (own - low) / (high - low) if high > low and math.isfinite(high - low) else 0.5
    learned_here = ", trained on it" * learned
    words = f"{escaped_name(label)} on {escaped_name(game)}: mean return {fixed(own, 2)}{learned_here}"
    return Entry(fixed(own, 2), round((2 * share - 1) * TINTS), words, learned)
