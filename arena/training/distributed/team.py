"""The processes of one run, as `accelerate launch` or `torchrun` starts them."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena_games.base import UsageError

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of one run; `rank` is this one's place. Alone, every method does nothing."""

    rank: int = 0
    size: int = 1
    here: int = 1  # how many of them share this machine
    sharded: bool = False  # whether each holds only a part of the weights
    together: int = 1  # how many in a row have one engine over their GPUs, and play the same episodes

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """This process's shard: consecutive, so that the shards in the order of ranks are the whole."""
        return _shard(items, self.rank, self.size)

    def shard_to_play(self, items: Sequence[T]) -> Sequence[T]:
        """The same, equal for those that play together: their engine must be asked alike."""
        return _shard(items, self.rank // self.together, self.size // self.together)

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

    def by_first(self, do: Callable[[], object]) -> None:
        """Let the first process do it while the others wait. Raises what it raises, in all of them."""
        if self.size == 1:
            do()
            return
        raised: Exception | None = None
        if self.is_main:
            try:
                do()
            except Exception as error:
                raised = error
        plain = raised is None or isinstance(raised, UsageError | OSError)
        told = self.gather(raised if plain else RuntimeError(f"the first process failed: {raised!r}"))[0]
        if told is not None:
            raise raised or told

    def add_up(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """The sums over all processes."""
        parts = self.gather(dict(numbers))
        return {name: sum(part[name] for part in parts) for name in numbers}

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum over all processes in the place of each gradient; none counts as zero.

        Those of shards were added up on their way back.
        """
        if self.size == 1 or self.sharded:
            return
        import torch
        import torch.distributed as dist

        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)


def _shard(items: Sequence[T], index: int, count: int) -> Sequence[T]:
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

    sharded = parse_flag_from_env("ACCELERATE_USE_FSDP")
    if sharded and parse_flag_from_env("FSDP_OFFLOAD_PARAMS"):
        raise UsageError("FSDP is used without offloading here; set --fsdp_offload_params false")
    if sharded:
        # transformers then loads the weights in one process of each machine, which is enough for `shard`.
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "true"
    state = PartialState(cpu=not torch.cuda.is_available())
    atexit.register(_leave)
    if not state.is_main_process:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    here = int(os.environ.get("LOCAL_WORLD_SIZE", state.num_processes))
    return Team(state.process_index, state.num_processes, here, sharded)


def _leave() -> None:
    import torch

    if torch.distributed.is_initialized():  # what shares the process, as vLLM does, may have ended it
        torch.distributed.destroy_process_group()


@contextmanager
def said_once(team: Team) -> Iterator[None]:
    """Around what every process complains of alike: the first one says it, the others end."""
    try:
        yield
    except (UsageError, OSError):
        if team.is_main:
            raise
        raise SystemExit(2) from None
