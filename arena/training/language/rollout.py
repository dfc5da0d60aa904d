"""Rollouts: groups of episodes that begin alike, played by the policy in training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
    by_place: bool = False,
    frozen: Collection[int] = (),
) -> Rollout:
    """Play every seed `repeats` times, seated by `seating(start)`, and follow the learner's seats.

    Seats that are `frozen` it holds, and they are not followed.
    With `by_place` a seat is paid for its place alone, at its last step: 1 for first, −1 for last.

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
            held = [seat for seat, player in enumerate(group[0].players) if player == LEARNER]
            seats = [seat for seat in held if seat not in frozen]
            followed = [_trajectories(group, seat) for seat in seats]
            groups += (
                [paid_by_place(each, group, format_penalty) for each in followed] if by_place else followed
            )
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


def paid_by_place(
    trajectories: Sequence[Trajectory], group: Sequence[Episode], format_penalty: float
) -> tuple[Trajectory, ...]:
    """The trajectories of one seat with 2 a − 1 in place of the game's rewards, paid at the last step.

    a is the share of the other seats, whoever holds them, that it finished ahead of, ties counting half. An
    invalid reply costs its penalty where it was given.
    """
    return tuple(
        _paid(one, episode, format_penalty) for one, episode in zip(trajectories, group, strict=True)
    )


def _paid(trajectory: Trajectory, episode: Episode, format_penalty: float) -> Trajectory:
    if not trajectory.steps:
        return trajectory
    seat = trajectory.steps[0].seat
    own, others = episode.placements[seat], [p for at, p in enumerate(episode.placements) if at != seat]
    share = _behind(own, others)
    fines = [-format_penalty * (step.invalid is not None) for step in trajectory.steps]
    rewards = [*fines[:-1], fines[-1] + 2 * share - 1]
    steps = tuple(replace(step, reward=r) for step, r in zip(trajectory.steps, rewards, strict=True))
    return replace(trajectory, steps=steps, total=sum(rewards))


def _behind(own: int, others: Sequence[int]) -> float:
    """The share of these places that are behind the own one, ties counting half; ½ of none."""
    return sum(0.5 * ((p > own) + (p >= own)) for p in others) / len(others) if others else 0.5


def _ahead(episode: Episode, seat: int) -> float:
    own = episode.placements[seat]
    others = [
        place
        for place, player in zip(episode.placements, episode.players, strict=True)
        if player != episode.players[seat]
    ]
    return _behind(own, others)


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
