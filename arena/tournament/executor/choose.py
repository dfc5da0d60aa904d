"""Who plays, as the user asked or as the machine and the agents have it."""

from __future__ import annotations

from collections.abc import Sequence

from arena.machine.hardware import cores
from arena.match.match import MatchConfig
from arena.tournament.agents import Agents
from arena.tournament.entrants import SPECIALIST, Entrant
from arena.tournament.executor.base import Executor
from arena.tournament.executor.in_process import InProcess
from arena.tournament.executor.on_ray import OnRay
from arena.tournament.executor.task import Task
from arena.tournament.executor.workers import Workers
from arena_agents.address import is_address
from arena_agents.registry import BUILT_IN, OF_OPENSPIEL, is_foreign
from arena_games.base import UsageError

WORTH_A_WORKER = 1000  # matches of scripted agents; with fewer, starting a process takes longer than it saves
MOST_WORKERS = 1024


def workers_for(asked: int | None, entrants: Sequence[Entrant], missing: int) -> int:
    """How many processes play: as asked, else as many as have a core, where all that agents need is one.

    A language model in this process wants a GPU or all cores, a server has limits of its own, and nobody
    knows what a class of the user's takes: with one of those a single process plays. Raises UsageError for
    a number that cannot be.
    """
    if asked is not None:
        if not 1 <= asked <= MOST_WORKERS:
            raise UsageError(f"--workers is a number from 1 to {MOST_WORKERS}, not {asked}")
        return asked
    if not all(map(_needs_a_core, entrants)):
        return 1
    return max(1, min(cores(), missing // WORTH_A_WORKER))


def executor_of(
    task: Task, agents: Agents, config: MatchConfig, workers: int | None, missing: int, ray: str | None = None
) -> Executor:
    """The executor that plays so many `missing` matches, with so many workers if the user says so.

    A single one is this process, with the agents that it has made. `ray` is the address of a cluster, or
    `local`; it may have as many workers as it has room for. Raises UsageError as the executors do.
    """
    if ray is not None:
        agents.release()
        asked = workers and workers_for(workers, task.entrants, missing)
        return OnRay(task, ray, asked, gpu=any(map(_wants_a_gpu, task.entrants)))
    workers = workers_for(workers, task.entrants, missing)
    if workers == 1:
        return InProcess(agents, config)
    agents.release()
    return Workers(task, workers)


def _wants_a_gpu(entrant: Entrant) -> bool:
    """Whether a language model plays in the worker's process."""
    spec = entrant.base or entrant.spec
    return not _needs_a_core(entrant) and not is_address(spec) and not is_foreign(spec)


def _needs_a_core(entrant: Entrant) -> bool:
    """Whether an agent is one of ours that needs a core and nothing else."""
    spec = entrant.base or entrant.spec
    return spec == SPECIALIST or spec in BUILT_IN or spec.partition(":")[0] in OF_OPENSPIEL
