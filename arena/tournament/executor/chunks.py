"""Matches in chunks of one line-up and game, and which of them a worker is given next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from arena.match.match import Match

LARGEST = 64  # matches: what a worker that dies costs at most, twice over
ROUNDS = 4  # chunks that each worker gets at least, where there are enough matches

LineUp = tuple[str, frozenset[str]]  # the game and its players, in whatever seats


def line_up(match: Match) -> LineUp:
    """What matches must share to keep the caches of models and prompts warm."""
    return match.spec.name, frozenset(match.players)


def chunks(matches: Iterable[Match], size: int) -> Iterator[list[Match]]:
    """The matches as they come, up to `size` of one line-up together."""
    for _, same in groupby(matches, key=line_up):
        while chunk := list(islice(same, size)):
            yield chunk


def size_for(count: int, workers: int) -> int:
    """How large chunks may be so that nobody has to wait long for the last of them."""
    return max(1, min(LARGEST, count // (ROUNDS * workers)))


class Supply:
    """Chunks that nobody plays yet. Only a few are drawn ahead, so memory does not grow with their number."""

    def __init__(self, matches: Iterable[Match], count: int, workers: int) -> None:
        self._rest = chunks(matches, size_for(count, workers))
        self._ahead = 2 * workers
        self._waiting: deque[list[Match]] = deque()

    def next_for(self, last: LineUp | None, busy: Iterable[LineUp | None]) -> list[Match] | None:
        """A chunk: of the line-up that this worker played last, else of one that no other plays, else any.

        One game comes after another. None if all has been given out.
        """
        if not self.left():
            return None
        game, taken = self._waiting[0][0].spec.name, {*busy}
        of_game = [place for place, chunk in enumerate(self._waiting) if chunk[0].spec.name == game]
        chosen = min(of_game, key=lambda place: _preference(line_up(self._waiting[place][0]), last, taken))
        chunk = self._waiting[chosen]
        del self._waiting[chosen]
        return chunk

    def left(self) -> bool:
        """Whether there is anything that has not been given out."""
        self._waiting.extend(islice(self._rest, max(0, self._ahead - len(self._waiting))))
        return bool(self._waiting)

    def give_back(self, matches: Iterable[Match]) -> None:
        """What a worker that is gone did not finish comes first."""
        for _, same in groupby(matches, key=line_up):
            self._waiting.appendleft(list(same))


def _preference(of_chunk: LineUp, last: LineUp | None, taken: set[LineUp | None]) -> int:
    if of_chunk == last:
        return 0
    return 1 if of_chunk not in taken else 2
