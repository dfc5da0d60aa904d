"""`play`: the only loop that moves a game forward. Training, tournaments and people all use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from arena.caller import Caller
from arena.episode import EndReason, Episode
from arena.table import EnvPool, Match, MatchConfig, Table
from arena_agents import Agent

__all__ = ["Match", "MatchConfig", "play"]


def play(
    matches: Iterable[Match], agents: Mapping[str, Agent], config: MatchConfig | None = None
) -> Iterator[Episode]:
    """Play the matches and yield each episode as it ends.

    Up to `config.concurrency` matches move in lockstep: every agent gets all observations that
    wait for it at once, and a finished match makes room for the next. An episode depends on its
    match alone (up to floating point in a model's batch), never on what ran beside it.

    Raises KeyError if a match names a player that is not in `agents`.
    """
    config = config or MatchConfig()
    queue = iter(matches)
    callers = {name: Caller(agent, config.deadline_s) for name, agent in agents.items()}
    envs = EnvPool()
    tables = _seat(islice(queue, config.concurrency), envs, config)
    try:
        while tables:
            _ask_all(tables, callers)
            for table in tables:
                if table.observation is None:
                    episode = table.episode()
                    if episode.end != EndReason.GAME_ERROR:  # a broken environment is not used again
                        envs.put(table.match.spec, table.env)
                    yield episode
            tables = [table for table in tables if table.observation is not None]
            tables += _seat(islice(queue, config.concurrency - len(tables)), envs, config)
    finally:
        for caller in callers.values():
            caller.close()


def _seat(matches: Iterable[Match], envs: EnvPool, config: MatchConfig) -> list[Table]:
    return [Table(match, envs.take(match.spec), config) for match in matches]


def _ask_all(tables: list[Table], callers: Mapping[str, Caller]) -> None:
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
