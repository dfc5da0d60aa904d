"""A tournament that shows nothing: for programs and notebooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from arena.match.episode import Episode
from arena.tournament.entrants import Training


class _SilentListener:
    def plan(self, games: Mapping[str, tuple[int, int]]) -> None: ...

    def begin(self, game: str) -> None: ...

    def advance(self, game: str, episodes: Sequence[Episode]) -> None: ...


class _SilentWatcher:
    def started(self, training: Training) -> None: ...

    def look(self) -> None: ...

    def ended(self, training: Training, error: str | None) -> None: ...


class Silent:
    """A `tournament.run.Display` of nothing."""

    def left_out(self, problems: Collection[str]) -> None: ...

    def trainings(self, waiting: Sequence[Training]) -> AbstractContextManager[_SilentWatcher]:
        return nullcontext(_SilentWatcher())

    def matches(self) -> AbstractContextManager[_SilentListener]:
        return nullcontext(_SilentListener())
