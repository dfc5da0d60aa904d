"""Training as a team of processes does it, started by `accelerate launch -m arena train …`.

Each process plays its share of the start states and computes its share of the gradient; gradients
are added up, so that all take the step that one process would take. The first process alone writes
the run's folder and speaks. Each holds the whole model or, with `accelerate launch --use_fsdp`, a part
of every weight (see `arena.training.shards`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.run import RunFolder
from arena.training.team import Team
from arena_agents.engines.choose import choose_engine
from arena_agents.language.presets import model_source
from arena_agents.server.address import is_address
from arena_games.base import GameSpec, UsageError

if TYPE_CHECKING:
    from arena.training.opponents import Seating
    from arena.training.rollout import Rollout
    from arena_agents import Agent

Config = TypeVar("Config", bound=TrainConfig)


def settle(config: Config, team: Team) -> tuple[Config, Team]:
    """The config as a team runs it, and the team as it plays by it.

    Every process has an engine of its own, or vLLM one over `tensor_parallel` of them. Raises
    UsageError for what a team cannot do.
    """
    if team.size == 1:
        return config, team
    if not isinstance(config, MsgrpoConfig):
        raise UsageError(f"{config.agent} is trained by one process; leave accelerate launch out")
    if config.served:
        return config, team
    engine = choose_engine(config.engine, model_source(config.agent), adapter=config.lora_rank > 0)
    together = config.tensor_parallel if engine == "vllm" else 1
    if team.size % together:
        raise UsageError(
            f"{team.size} processes cannot be divided by tensor_parallel={together}; change one of them"
        )
    if together > 1 and is_address(config.opponents):
        raise UsageError(
            "a served opponent may answer the processes of one engine differently; "
            "use --set tensor_parallel=1, or another opponent"
        )
    return config.model_copy(update={"engine": engine}), replace(team, together=together)


class Onlooker(RunFolder):
    """The run's folder as all processes but the first see it: to be read."""

    def log(self, row: dict[str, Any]) -> None: ...

    def rewind(self, step: int) -> None: ...

    def discard_unstarted(self) -> None: ...

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None: ...

    def save_policy(self, name: str, write: Callable[[Path], None]) -> Path:
        return self.path / name


def open_run(team: Team, path: Path, make: Callable[[], RunFolder]) -> RunFolder:
    """The run at `path`, which the first process makes and the others look at.

    Raises what `make` raises, a UsageError in every process.
    """
    if team.size == 1:
        return make()
    run, problem = None, None
    if team.leads:
        try:
            run = make()
        except UsageError as error:
            problem = str(error)
    problem = team.gather(problem)[0]
    if problem is not None:
        raise UsageError(problem)
    return run or Onlooker(path)


def collect_together(
    team: Team,
    spec: GameSpec,
    agents: Mapping[str, Agent],
    seeds: Sequence[int],
    seating: Seating,
    **options: Any,
) -> Rollout:
    """`collect`, the processes sharing the seeds. Every process gets the whole, in order."""
    from arena.training.rollout import Rollout, collect

    starts = team.share_to_play(range(len(seeds)))
    played = collect(
        spec, agents, [seeds[start] for start in starts], lambda start: seating(starts[start]), **options
    )
    parts = team.gather_played(played)
    return Rollout(
        tuple(group for part in parts for group in part.groups), sum(part.spoilt for part in parts)
    )
