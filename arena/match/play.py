"""`play`: the only loop that moves a game forward. Training, tournaments and people all use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from arena.match.caller import Caller
from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.referee import EnvPool, Table
from arena_agents import Agent

__all__ = ["Match", "MatchConfig", "play"]


def play(
    matches: Iterable[Match],
    agents: Mapping[str, Agent],
    config: MatchConfig | None = None,
    *,
    watch: Callable[[Table], None] = lambda table: None,
) -> Iterator[Episode]:
    """Play the matches and yield each episode as it ends.

    Up to `config.concurrency` matches move in lockstep: every agent gets all observations that
    wait for it at once, and a finished match makes room for the next. An episode depends on its
    match alone (up to floating point in a model's batch), never on what ran beside it.
    `watch` is shown each table when its match begins and after every decision.

    Raises KeyError if a match names a player that is not in `agents`.
    """
    config = config or MatchConfig()
    queue = iter(matches)
    callers = {name: Caller(agent, config.deadline_s) for name, agent in agents.items()}
    envs = EnvPool()
    tables = _seat(islice(queue, config.concurrency), envs, config, watch)
    try:
        while tables:
            _ask_all(tables, callers, watch)
            for table in tables:
                if table.observation is None:
                    episode = table.episode()
                    if episode.end != EndReason.GAME_ERROR:  # a broken environment is not used again
                        envs.put(table.match.spec, table.env)
                    yield episode
            tables = [table for table in tables if table.observation is not None]
            tables += _seat(islice(queue, config.concurrency - len(tables)), envs, config, watch)
    finally:
        for caller in callers.values():
            caller.close()


def _seat(
    matches: Iterable[Match], envs: EnvPool, config: MatchConfig, watch: Callable[[Table], None]
) -> list[Table]:
    tables = [Table(match, envs.take(match.spec), config) for match in matches]
    for table in tables:
        watch(table)
    return tables


def _ask_all(tables: list[Table], callers: Mapping[str, Caller], watch: Callable[[Table], None]) -> None:
    """Ask every waited-for agent once, with all of its observations, and commit the replies."""
    waiting: dict[str, list[Table]] = {}
    for table in tables:
        if table.observation is not None:
            waiting.setdefault(table.player, []).append(table)
    for player, group in waiting.items():
        observations = [table.observation for table in group if table.observation is not None]
        answer = callers[player].ask(observations)
        for table, reply in zip(group, answer.replies, strict=True):
            table.commit(reply, answer.seconds / len(group))
            watch(table)
