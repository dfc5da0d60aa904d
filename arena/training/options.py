"""What a training is asked for. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `arena train` is asked for; what is None is left to the settings' defaults.

    `settings` are those of `--set`, as `KEY=VALUE` or as a mapping; `config_file` holds more of them.
    `out` is a new run's folder, `resume` that of a run to go on with, and then only `engine` counts; `trust`
    lets Python files and modules run that its config names. `game_set` are numbers of the game, `KEY=VALUE`.
    """

    game: str | None = None
    agent: str | None = None
    out: Path | str | None = None
    seed: int | None = None
    steps: int | None = None
    opponents: str | None = None
    engine: str | None = None
    settings: Sequence[str] | Mapping[str, Any] = ()
    config_file: Path | None = None
    resume: Path | str | None = None
    template: Path | None = None
    trust: bool = False
    game_set: Sequence[str] = ()

    def named(self) -> dict[str, Any]:
        """The settings that have options of their own, as far as they are given."""
        others = ("out", "settings", "config_file", "resume", "template", "trust")
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in others}
        return {name: value for name, value in given.items() if value not in (None, ())}


@dataclass(frozen=True, slots=True)
class SftOptions(TrainOptions):
    """What `arena sft` is asked for beside: who teaches, in how many episodes, with how much noise."""

    teacher: str | None = None
    episodes: int | None = None
    noise: float | None = None
