"""Rollouts: groups of episodes that begin alike, played by the policy in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from arena.match.episode import Episode, Step
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import LEARNER, Seating
from arena.training.distributed.team import Team
from arena_agents import Agent
from arena_games.base import GameSpec, UsageError

CONCURRENCY = 256


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """One seat's part of an episode that the learner played; `players` are all that played it, by seat.

    `ahead` is the share of the other players' seats that it finished ahead of, ties counting half.
    """

    steps: tuple[Step, ...]
    total: float
    success: bool
    players: tuple[str, ...] = ()
    ahead: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """B groups of G trajectories: a group shares game, start seed and seat."""

    groups: tuple[tuple[Trajectory, ...], ...]
    failed_groups: int = 0

    @property
    def trajectories(self) -> list[Trajectory]:
        return [trajectory for group in self.groups for trajectory in group]

    @property
    def steps(self) -> list[Step]:
        return [step for trajectory in self.trajectories for step in trajectory.steps]

    def returns_BG(self) -> Tensor:
        """Cumulative rewards of the learner's seats, float64 (B, G)."""
        totals = [[trajectory.total for trajectory in group] for group in self.groups]
        return torch.tensor(totals, dtype=torch.float64)


def collect(
    spec: GameSpec,
    agents: Mapping[str, Agent],
    seeds: Sequence[int],
    seating: Seating,
    *,
    repeats: int = 1,
    format_penalty: float = 0.0,
) -> Rollout:
    """Play every seed `repeats` times, seated by `seating(start)`, and follow the learner's seats.

    A group in which an episode failed (an opponent's or the game's error) is left out and
    counted in `failed_groups`: a failure is no loss. Raises UsageError where the learner itself failed: there
    is nothing to learn from, and it would go on failing.
    """
    matches = [
        Match(spec, seed, seating(start), repeat)
        for start, seed in enumerate(seeds)
        for repeat in range(repeats)
    ]
    config = MatchConfig(format_penalty=format_penalty, concurrency=CONCURRENCY)
    episodes: dict[str, Episode] = {}
    for episode in play(matches, agents, config):
        if episode.culprit == LEARNER and episode.failed:
            raise _failure_of_the_learner(str(episode.detail))
        episodes[episode.id] = episode
    groups, failed_groups = [], 0
    for first in range(0, len(matches), repeats):
        group = [episodes[match.id] for match in matches[first : first + repeats]]
        if not any(episode.failed for episode in group):
            seats = [seat for seat, player in enumerate(group[0].players) if player == LEARNER]
            groups += [_trajectories(group, seat) for seat in seats]
        else:
            failed_groups += 1
    return Rollout(tuple(groups), failed_groups)


def _failure_of_the_learner(detail: str) -> UsageError:
    """The engine's own words where it knows the remedy."""
    known = detail.removeprefix("UsageError: ")
    if known != detail:
        return UsageError(known)
    return UsageError(
        f"the policy in training failed ({detail}); put that right and go on with arena train --resume"
    )


def _trajectories(group: Sequence[Episode], seat: int) -> tuple[Trajectory, ...]:
    return tuple(
        Trajectory(
            episode.steps_of(seat),
            episode.returns[seat],
            episode.successes[seat],
            episode.players,
            _ahead(episode, seat),
        )
        for episode in group
    )


def _ahead(episode: Episode, seat: int) -> float:
    own = episode.placements[seat]
    others = [
        place
        for place, player in zip(episode.placements, episode.players, strict=True)
        if player != episode.players[seat]
    ]
    return sum(0.5 * ((p > own) + (p >= own)) for p in others) / len(others) if others else 0.5


def collect_together(
    team: Team,
    spec: GameSpec,
    agents: Mapping[str, Agent],
    seeds: Sequence[int],
    seating: Seating,
    **options: Any,
) -> Rollout:
    """`collect`, each process playing a shard of the seeds. Every process gets the whole, in order."""
    starts = team.shard_to_play(range(len(seeds)))
    played = collect(
        spec, agents, [seeds[start] for start in starts], lambda start: seating(starts[start]), **options
    )
    parts = team.gather_played(played)
    return Rollout(
        tuple(group for part in parts for group in part.groups), sum(part.failed_groups for part in parts)
    )
