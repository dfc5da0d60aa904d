"""What a training run tells about itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from arena.training.run_folder import RunFolder

__all__ = ["Reporter", "Show", "Silence", "silently"]


class Reporter(Protocol):
    """Shows a run to a person."""

    def update(self, step: int, row: dict[str, float | int | None]) -> None:
        """A step's metrics; values that are None were not measured."""

    def note(self, text: str) -> None:
        """Something that a person should know."""

    def ended(self, run: RunFolder) -> None:
        """The run is whole."""


class Silence:
    """A `Reporter` that shows nothing: for the processes of a team but the first, and for notebooks."""

    def update(self, step: int, row: dict[str, float | int | None]) -> None: ...

    def note(self, text: str) -> None: ...

    def ended(self, run: RunFolder) -> None: ...


# Shows a run of this title, from the step that is done to the last one.
Show = Callable[[str, int, int], AbstractContextManager[Reporter]]


def silently(title: str, done: int, steps: int) -> AbstractContextManager[Reporter]:
    """Shows nothing."""
    return nullcontext(Silence())
