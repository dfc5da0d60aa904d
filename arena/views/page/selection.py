"""Which stored matches the page carries: the notable ones, and every agent from the same start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arena.record.notable import MatchSummary, notable

SAME_START = "same start"
LINE_UPS = 8  # matches of a game that show its agents on one seed


@dataclass(frozen=True, slots=True)
class Selected:
    """A match to be carried, why, and the decision at which to begin."""

    match: MatchSummary
    why: str
    position: int = 0


def selected(matches: Sequence[MatchSummary]) -> list[Selected]:
    """The matches worth carrying, each once, the most worthy first: all notable ones, then line-ups."""
    first = [Selected(found.match, ", ".join(found.why), found.position) for found in notable(matches)]
    taken = {found.match.number for found in first}
    by_game: dict[str, list[MatchSummary]] = {}
    for match in matches:
        by_game.setdefault(match.game, []).append(match)
    line_ups = (match for game in sorted(by_game) for match in _same_start(by_game[game]))
    return first + [Selected(match, SAME_START) for match in line_ups if match.number not in taken]


def _same_start(matches: Sequence[MatchSummary]) -> Iterable[MatchSummary]:
    """Matches of one game on its lowest seed, until every agent that met it has been seen."""
    seed = min(match.seed for match in matches)
    seen: set[str] = set()
    found: list[MatchSummary] = []
    for match in sorted((match for match in matches if match.seed == seed), key=lambda match: match.id):
        under_test = {match.players[seat] for seat in match.open_seats}
        if under_test - seen and len(found) < LINE_UPS:
            seen |= under_test
            found.append(match)
    return found
