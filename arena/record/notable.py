"""Which matches of a run are worth a look first: pure, so that terminal and page name the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from arena.match.episode import EndReason


@dataclass(frozen=True, slots=True)
class MatchSummary:
    """A stored match without its steps. Tuples are by seat; `open_seats` are the agents' under test.

    `number` counts the matches of a run from 1 in the order in which they were stored; it never
    changes. `decisions` and `invalid` count those of all seats, and `first_invalid` is the position,
    from 0, of the first decision whose reply was invalid.
    """

    number: int
    id: str
    game: str
    seed: int
    players: tuple[str, ...]
    open_seats: tuple[int, ...]
    returns: tuple[float, ...]
    placements: tuple[int, ...]
    end: EndReason
    decisions: int
    invalid: int
    first_invalid: int | None

    @property
    def margin(self) -> float | None:
        """By how much the best of the agents under test beat the next, in points; None if alone or cut short.

        A better place with fewer points counts as no distance at all.
        """
        if len(self.open_seats) < 2 or self.end not in (EndReason.FINISHED, EndReason.TRUNCATED):
            return None
        ranked = sorted(self.open_seats, key=lambda seat: (self.placements[seat], -self.returns[seat]))
        return max(0.0, self.returns[ranked[0]] - self.returns[ranked[1]])


class Why(StrEnum):
    """What makes a match notable, in the order in which people are shown them."""

    CLOSEST = "closest"
    LONGEST = "longest"
    FIRST_INVALID = "first invalid reply"
    FIRST_ERROR = "first error"


@dataclass(frozen=True, slots=True)
class Notable:
    """A match worth a look, why, and the position of the decision to look at (0: from the start)."""

    match: MatchSummary
    why: tuple[Why, ...]
    position: int


def notable(matches: Iterable[MatchSummary]) -> list[Notable]:
    """The notable matches of each game, the games in the order of their names; each match once.

    Of equals the one with the smallest id is taken, and the first ones are those with the lowest number.
    """
    by_game: dict[str, list[MatchSummary]] = {}
    for match in matches:
        by_game.setdefault(match.game, []).append(match)
    return [found for game in sorted(by_game) for found in _of_game(by_game[game])]


def _of_game(matches: Sequence[MatchSummary]) -> list[Notable]:
    reasons: dict[int, list[Why]] = {}
    chosen: dict[int, MatchSummary] = {}
    for why, choose in PICKERS.items():
        match = choose(matches)
        if match is not None:
            chosen[match.number] = match
            reasons.setdefault(match.number, []).append(why)
    return [
        Notable(chosen[number], tuple(why), _position(chosen[number], why)) for number, why in reasons.items()
    ]


def _position(match: MatchSummary, why: Sequence[Why]) -> int:
    if why[0] == Why.FIRST_INVALID and match.first_invalid is not None:
        return match.first_invalid
    return max(0, match.decisions - 1) if why[0] == Why.FIRST_ERROR else 0


def _closest(matches: Sequence[MatchSummary]) -> MatchSummary | None:
    """The smallest margin; of equals the one that took longest."""
    close = [
        (match.margin, -match.decisions, match.id, match) for match in matches if match.margin is not None
    ]
    return min(close, key=lambda entry: entry[:3])[3] if close else None


def _longest(matches: Sequence[MatchSummary]) -> MatchSummary | None:
    return min(matches, key=lambda match: (-match.decisions, match.id))


def _first_invalid(matches: Sequence[MatchSummary]) -> MatchSummary | None:
    return min((match for match in matches if match.invalid), key=lambda match: match.number, default=None)


def _first_error(matches: Sequence[MatchSummary]) -> MatchSummary | None:
    failed = (match for match in matches if match.end == EndReason.FORFEIT or not match.end.rated)
    return min(failed, key=lambda match: match.number, default=None)


PICKERS: dict[Why, Callable[[Sequence[MatchSummary]], MatchSummary | None]] = {
    Why.CLOSEST: _closest,
    Why.LONGEST: _longest,
    Why.FIRST_INVALID: _first_invalid,
    Why.FIRST_ERROR: _first_error,
}
