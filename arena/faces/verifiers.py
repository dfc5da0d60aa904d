"""Games as an environment of verifiers, a seat for each agent; its id there is `tmsg-arena`.

    resolve_env_config({"taskset": {"id": "tmsg-arena", "game": "snake-duel"}})

An open seat is an agent (`p0`, `p1`, …) with a conversation and a trace of its own, rewarded by its return.
Episodes come from the seeds for training. Needs `verifiers` 0.4, which cannot be installed beside `openenv`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import verifiers.v1 as vf
from verifiers.v1.dialects.chat import message_to_wire
from verifiers.v1.runtimes import ProgramResult

from arena.match.match import Match, MatchConfig
from arena.match.referee import Referee
from arena.match.seating import house_agents, seated
from arena.match.seeds import Split, episode_seed
from arena_agents import Reply
from arena_agents.language.template import load_template
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game

__all__ = ["TmsgEnv", "TmsgHarness", "TmsgTaskset"]


class Start(vf.TaskData):  # type: ignore[misc]
    """One start state of a game, by its number among the seeds for training."""

    game: str
    seed: int


class Game(vf.Task[Start, vf.State, vf.TaskConfig]):  # type: ignore[misc]
    """A match to be played; what its seats are paid is recorded by `TmsgEnv`."""


class TmsgTasksetConfig(vf.TasksetConfig):  # type: ignore[misc]
    game: str = "snake-duel"


class TmsgTaskset(vf.Taskset[Game, TmsgTasksetConfig]):  # type: ignore[misc]
    """The start states of a game, without end."""

    INFINITE = True

    def load(self) -> Iterator[Game]:
        game = self.config.game
        _seats(find_game(game))
        for seed in itertools.count():
            yield Game(Start(name=f"{game}#{seed}", prompt=None, game=game, seed=seed), self.config.task)


class TmsgHarness(vf.Harness[vf.HarnessConfig]):  # type: ignore[misc]
    """One reply to what was said so far, in this process: a seat has no tools, and needs no sandbox."""

    SUPPORTS_RESUME = True
    EXECUTES_CODE = NEEDS_CONTAINER = False

    async def launch(self, ctx: Any, *given: Any, **_: Any) -> Any:
        endpoint, secret, _, data = given[2:6]
        messages = [message_to_wire(message) for message in data.prompt]
        asked, key = {"model": ctx.model, "messages": messages}, {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(timeout=None) as client:
            answer = await client.post(f"{endpoint}/chat/completions", headers=key, json=asked)
        return ProgramResult(0 if answer.is_success else 1, "", "" if answer.is_success else answer.text)


SEAT = vf.AgentConfig(runtime=vf.SubprocessConfig())


class TmsgEnvConfig(vf.EnvConfig):  # type: ignore[misc]
    """A role for each open seat; a game of fewer seats leaves the later ones alone."""

    p0: vf.AgentConfig = SEAT
    p1: vf.AgentConfig = SEAT
    p2: vf.AgentConfig = SEAT
    p3: vf.AgentConfig = SEAT


def _seats(spec: GameSpec) -> dict[int, str]:
    """The open seats and their roles. Raises UsageError for a game of more seats than there are roles."""
    if len(spec.open_seats) > 4:
        raise UsageError(f"{spec.name} has {len(spec.open_seats)} open seats, the environment 4")
    return {seat: f"p{at}" for at, seat in enumerate(spec.open_seats)}


class TmsgEnv(vf.Env[TmsgEnvConfig]):  # type: ignore[misc]
    """A match between agents of verifiers; the house keeps its own seats."""

    async def run(self, task: Any, agents: Any) -> None:
        """Play one match; each seat's trace gets its return as reward, its place and success as metrics."""
        spec, words = find_game(task.data.game), load_template()
        roles, others = _seats(spec), house_agents([spec])
        match = Match(spec, episode_seed(Split.TRAIN, task.data.seed), seated(spec, list(roles.values())))
        referee = Referee(match, spec.make_env(), MatchConfig())
        async with AsyncExitStack() as stack:
            chairs = [(role, getattr(agents, role).interaction(task)) for role in roles.values()]
            talks = {role: await stack.enter_async_context(chair) for role, chair in chairs}
            while (seen := referee.observation) is not None:
                if ours := referee.player in talks:
                    talk = talks[referee.player]
                    said = [message["content"] for message in words.messages(spec, seen)]
                    segment = await talk.turn("\n\n".join(said if not talk.trace.num_turns else said[-1:]))
                    if segment.terminated:
                        break
                reply = Reply(segment.last_reply) if ours else others[referee.player].act([seen])[0]
                referee.commit(reply, 0.0)
        episode = referee.episode()
        for seat, role in roles.items():
            talks[role].trace.record_reward("return", float(referee.returns[seat]), 1.0)
            if referee.observation is None:
                talks[role].trace.record_metric("success", float(episode.successes[seat]))
                talks[role].trace.record_metric("place", float(episode.placements[seat]))
