"""Who plays, as the user asked or as the machine and the agents have it."""

from __future__ import annotations

from collections.abc import Sequence

from arena.machine.hardware import cores
from arena.match.match import MatchConfig
from arena.tournament.agents import Agents
from arena.tournament.entrants import SPECIALIST, Entrant
from arena.tournament.executor.base import Executor
from arena.tournament.executor.in_process import InProcess
from arena.tournament.executor.task import Task
from arena.tournament.executor.workers import Workers
from arena_agents.registry import BUILT_IN, OF_OPENSPIEL
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


def executor_of(task: Task, agents: Agents, config: MatchConfig, workers: int) -> Executor:
    """The executor of so many workers; a single one is this process, with the agents that it has made."""
    if workers == 1:
        return InProcess(agents, config)
    agents.release()
    return Workers(task, workers)


def _needs_a_core(entrant: Entrant) -> bool:
    """Whether an agent is one of ours that needs a core and nothing else."""
    spec = entrant.base or entrant.spec
    return spec == SPECIALIST or spec in BUILT_IN or spec.partition(":")[0] in OF_OPENSPIEL
