"""What a tournament is asked for. Imports nothing heavy: `arena --help` reads this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

DEFAULT_AGENTS = "random,search,dqn,nano,nano+snake,nano+frozen-lake"
DEADLINE_S = 300.0  # that an agent has for one call
MATCHES = 60  # of each agent in each game, about


class TrainMode(StrEnum):
    """What a tournament does about policies: train those that are missing, none, or all anew.

    ONLY trains those that are missing and plays nothing: shards then share them.
    """

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class TournamentOptions:
    """What `arena tournament` is asked for, as its options say it.

    `games` and `agents` are names between commas, `out` is the run's folder; `game_set` are numbers of the
    games, `KEY=VALUE`. `until_separated` plays on
    where neighbouring ranks are tied, up to `max_matches` in all. `engine` plays for language models;
    `defaults` are settings that their specs lack (see `arena_agents.spec`). An invalid reply is asked for
    again up to `rethink` times; `memory` is how many of their own turns seats are shown (None: as games say).
    `skins` plays each game in so many skins too (see `arena_games.skins`).
    `in_process`, `agent_memory_gib` and `agent_cpu_s` say how agents that are not ours are run (see
    `arena_agents.sandbox.Sandbox`). `workers` processes play (None: as cores and agents have it), and of
    all matches only the `shard` K/N, if one is named. `ray` is a cluster's address, or `local`.
    """

    games: str
    agents: str
    out: Path
    seed: int = 0
    matches: int = MATCHES
    train: TrainMode = TrainMode.AUTO
    deadline_s: float = DEADLINE_S
    until_separated: bool = False
    max_matches: int | None = None
    engine: str = "auto"
    defaults: Mapping[str, str] = field(default_factory=dict)
    rethink: int = 0
    memory: int | None = None
    skins: int | None = None
    in_process: bool = False
    agent_memory_gib: float | None = None
    agent_cpu_s: float | None = None
    workers: int | None = None
    game_set: Sequence[str] = ()
    shard: str | None = None
    ray: str | None = None
