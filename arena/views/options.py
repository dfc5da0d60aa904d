"""What some views are asked for. Imports nothing heavy: `arena --help` reads this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from arena.tournament.options import DEADLINE_S


class Format(StrEnum):
    """How a leaderboard is printed."""

    RICH = "rich"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    SVG = "svg"


class GameWeights(StrEnum):
    """What games weigh in the overall rating."""

    GAME = "game"
    FAMILY = "family"
    MATCH = "match"


class Pairs(StrEnum):
    """Which of several agents `arena eval` compares: the first with each other one, or all with all."""

    FIRST = "first"
    ALL = "all"


class Listed(StrEnum):
    """What `arena list` lists."""

    GAMES = "games"
    AGENTS = "agents"
    RUNS = "runs"
    OPENSPIEL = "openspiel"
    TEXTARENA = "textarena"
    PETTINGZOO = "pettingzoo"
    GYM = "gym"


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What `arena eval` is asked for: agents, `SPEC` or `NAME=SPEC`; games; who holds other seats.

    `pairs` are the agents between which differences are shown, where there are several.
    `game_set` are numbers of the games, `KEY=VALUE`.

    `template`, `temperature` and the settings in `defaults` replace a language model's own; `engine` plays
    for it. `memory` is how many of their own turns seats are shown (None: as the game says). After an
    invalid reply the agent is asked again up to `rethink` times. `in_process`,
    `agent_memory_gib` and `agent_cpu_s` say how agents that are not ours are run (see
    `arena_agents.sandbox.Sandbox`).
    `skins` plays each game in so many skins too (see `arena_games.skins`). `deadline_s` is for one call of
    an agent, or for as many observations as it answers at once.
    """

    agents: Sequence[str]
    games: str = "all"
    pairs: Pairs = Pairs.FIRST
    game_set: Sequence[str] = ()
    episodes: int = 100
    seed: int = 0
    opponents: str = "random"
    template: Path | None = None
    temperature: float | None = None
    engine: str = "auto"
    defaults: Mapping[str, str] = field(default_factory=dict)
    rethink: int = 0
    memory: int | None = None
    in_process: bool = False
    agent_memory_gib: float | None = None
    agent_cpu_s: float | None = None
    skins: int | None = None
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What `arena watch` is asked for.

    `agents` take the open seats in order, `opponents` those that are left. `speed` is in decisions a
    second; `plain` prints line by line, as in a pipe. `defaults` and `rethink` are as in
    `EvaluationOptions`, as is `memory`.
    """

    game: str
    agents: str
    seed: int = 0
    opponents: str = "random"
    deadline_s: float = DEADLINE_S
    speed: float | None = None
    plain: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    rethink: int = 0
    memory: int | None = None
