"""What a study is asked for. Imports nothing heavy: `arena --help` reads this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What `arena study` is asked for: a study of ours or a file; what is None is as the study says.

    `out` is its folder (default: `runs/study-NAME`). `agent` takes the place of the base agent, `references`
    are agents beside those of the file, by label. `workers` are processes at once (default: one a core).
    """

    study: str
    out: Path | None = None
    agent: str | None = None
    seeds: int | None = None
    episodes: int | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    workers: int | None = None
