"""`play`: the only loop that moves a game forward. Training, tournaments and people all use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from arena.match.border import taken_in
from arena.match.caller import Caller
from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.referee import EnvPool, Referee
from arena_agents import Agent
from arena_agents.api.secret import keys

__all__ = ["Match", "MatchConfig", "play"]


def play(
    matches: Iterable[Match],
    agents: Mapping[str, Agent],
    config: MatchConfig | None = None,
    *,
    watch: Callable[[Referee], None] = lambda referee: None,
) -> Iterator[Episode]:
    """Play the matches and yield each episode as it ends.

    Up to `config.concurrency` matches move in lockstep: every agent gets all observations that
    wait for it at once, and a finished match makes room for the next. An episode depends on its
    match alone (up to floating point in a model's batch), never on what ran beside it.
    An agent is looked up when it is first waited for. `watch` is shown each match's referee when it begins
    and after every decision. An iterator of `matches` that has ended is asked again as matches finish: it
    may have more by then.

    Raises KeyError if a match names a player that is not in `agents`.
    """
    config = config or MatchConfig()
    queue = iter(matches)
    callers = _Callers(agents, config.deadline_s)
    envs = EnvPool()
    referees = _seat(islice(queue, config.concurrency), envs, config, watch)
    try:
        while referees:
            _ask_all(referees, callers, watch)
            for referee in referees:
                if referee.observation is None:
                    episode = referee.episode()
                    if episode.end != EndReason.GAME_ERROR:  # a broken environment is not used again
                        envs.put(referee.match.spec, referee.env)
                    yield episode
            referees = [referee for referee in referees if referee.observation is not None]
            referees += _seat(islice(queue, config.concurrency - len(referees)), envs, config, watch)
    finally:
        for caller in callers.values():
            caller.close()


class _Callers(dict[str, Caller]):
    """Who has been asked so far, by name."""

    def __init__(self, agents: Mapping[str, Agent], deadline_s: float | None) -> None:
        self._agents, self._deadline_s = agents, deadline_s

    def __missing__(self, name: str) -> Caller:
        self[name] = Caller(self._agents[name], self._deadline_s)
        return self[name]


def _seat(
    matches: Iterable[Match], envs: EnvPool, config: MatchConfig, watch: Callable[[Referee], None]
) -> list[Referee]:
    referees = [Referee(match, envs.take(match.spec), config) for match in matches]
    for referee in referees:
        watch(referee)
    return referees


def _ask_all(
    referees: list[Referee], callers: Mapping[str, Caller], watch: Callable[[Referee], None]
) -> None:
    """Ask every waited-for agent once, with all of its observations, and commit the replies."""
    waiting: dict[str, list[Referee]] = {}
    for referee in referees:
        if referee.observation is not None:
            waiting.setdefault(referee.player, []).append(referee)
    secrets = keys()
    for player, group in waiting.items():
        observations = [referee.observation for referee in group if referee.observation is not None]
        answer = callers[player].ask(observations)
        for referee, reply in zip(group, answer.replies, strict=True):
            referee.commit(taken_in(reply, secrets), answer.seconds / len(group))
            watch(referee)
