"""Training in several processes, as `accelerate launch -m arena train …` starts them.

Each process plays its share of the start states and computes its share of the gradient; gradients
are added up, so that all take the step that one process would take. The first process alone writes
the run's folder and speaks. Each holds the whole model or, with `accelerate launch --use_fsdp`, a part
of every weight (see `arena.training.shards`).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.run import RunFolder
from arena_agents.engines.choose import choose_engine
from arena_agents.server.address import is_address
from arena_games.base import GameSpec, UsageError

if TYPE_CHECKING:
    from torch import nn

    from arena.training.opponents import Seating
    from arena.training.rollout import Rollout
    from arena_agents import Agent

T = TypeVar("T")
Config = TypeVar("Config", bound=TrainConfig)


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of one run; `rank` is this one's place. Alone, every method does nothing."""

    rank: int = 0
    size: int = 1
    here: int = 1  # how many of them share this machine
    shards: bool = False  # whether each holds only a part of the weights
    together: int = 1  # how many in a row have one engine over their GPUs, and play the same episodes

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def own_folder(self, run: Path) -> Path:
        """Where this process may write in the run's folder."""
        return run if self.leads else run / f"process-{self.rank}"

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part: consecutive, so that the parts in the order of ranks are the whole."""
        return _part(items, self.rank, self.size)

    def share_to_play(self, items: Sequence[T]) -> Sequence[T]:
        """The same, equal for those that play together: their engine must be asked alike."""
        return _part(items, self.rank // self.together, self.size // self.together)

    def gather_played(self, mine: T) -> list[T]:
        """What was played, in the order of ranks, once of those that played together."""
        return self.gather(mine)[:: self.together]

    def gather(self, mine: T) -> list[T]:
        """What every process has, in the order of ranks."""
        if self.size == 1:
            return [mine]
        import torch.distributed as dist

        everyones: list[Any] = [None] * self.size
        dist.all_gather_object(everyones, mine)
        return everyones

    def add_up(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """The sums over all processes."""
        parts = self.gather(dict(numbers))
        return {name: sum(part[name] for part in parts) for name in numbers}

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum over all processes in the place of each gradient; none counts as zero.

        Those of shards were added up on their way back.
        """
        if self.size == 1 or self.shards:
            return
        import torch
        import torch.distributed as dist

        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)


def _part(items: Sequence[T], index: int, count: int) -> Sequence[T]:
    return items[index * len(items) // count : (index + 1) * len(items) // count]


SOLO = Team()


def join_team() -> Team:
    """The team that a launcher (accelerate, torchrun) started this process in; alone without one.

    Raises UsageError for FSDP with weights in CPU memory.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return SOLO
    import torch
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    shards = parse_flag_from_env("ACCELERATE_USE_FSDP")
    if shards and parse_flag_from_env("FSDP_OFFLOAD_PARAMS"):
        raise UsageError("FSDP is used without offloading here; set --fsdp_offload_params false")
    # transformers then loads the weights in one process of each machine, which is enough for `shard`.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "true"

    state = PartialState(cpu=not torch.cuda.is_available())
    atexit.register(_leave)
    if not state.is_main_process:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    here = int(os.environ.get("LOCAL_WORLD_SIZE", state.num_processes))
    return Team(state.process_index, state.num_processes, here, shards)


def _leave() -> None:
    import torch

    if torch.distributed.is_initialized():  # what shares the process, as vLLM does, may have ended it
        torch.distributed.destroy_process_group()


@contextmanager
def said_once(team: Team) -> Iterator[None]:
    """Around what every process complains of alike: the first one says it, the others end."""
    try:
        yield
    except UsageError:
        if team.leads:
            raise
        raise SystemExit(2) from None


def settle(config: Config, team: Team) -> tuple[Config, Team]:
    """The config as a team runs it, and the team as it plays by it.

    Every process has an engine of its own, or vLLM one over `tensor_parallel` of them. Raises
    UsageError for what a team cannot do.
    """
    if team.size == 1:
        return config, team
    if not isinstance(config, MsgrpoConfig):
        raise UsageError(f"{config.agent} is trained by one process; leave accelerate launch out")
    if is_address(config.agent):
        return config, team
    engine = choose_engine(config.engine, adapter=config.lora_rank > 0)
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

    Raises what `make` raises, a UsageError in every process, though only the first one says why.
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
        raise UsageError(problem) if team.leads else SystemExit(2)
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
