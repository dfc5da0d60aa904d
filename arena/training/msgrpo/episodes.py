"""From a rollout to the episodes that are trained on, each with the advantage of each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypedDict

import torch
from torch import Tensor

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.advantage import aaw_sample, informative_groups, weighted_aaw_sample
from arena.training.msgrpo.baseline import SeatBaselines, episode_advantages
from arena.training.msgrpo.credit import StateKey, state_key, step_advantages
from arena.training.msgrpo.critic import Critic


class DrawOptions(TypedDict):
    """How episodes are drawn."""

    k: int
    temperature: float
    generator: torch.Generator
    replacement: bool


def kept_episodes(
    advantages_N: Tensor, config: MsgrpoConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Indices (K,) of the episodes to train on and their importance weights (K,).

    The weights are 1 without `importance_correction`, and where all episodes are equally likely. With it
    the weighted mean of the K is in expectation that of all N, with replacement or without.
    """
    count = max(1, round(config.keep * len(advantages_N)))
    draw: DrawOptions = {
        "k": count,
        "temperature": config.episode_temperature,
        "generator": generator,
        "replacement": config.with_replacement,
    }
    if config.episode_sampling == "uniform":
        return aaw_sample(torch.zeros_like(advantages_N), **draw), torch.ones(count)
    if not config.importance_correction:
        return aaw_sample(advantages_N, **draw), torch.ones(count)
    return weighted_aaw_sample(advantages_N, **draw)


@dataclass(frozen=True, slots=True, eq=False)
class Credited:
    """A rollout's advantages: of its episodes (B, G), and of their steps by group, trajectory and step.

    `trainable_B` are the groups from which there is something to learn.
    """

    episodes_BG: Tensor
    steps: Sequence[Sequence[Sequence[float]]]
    trainable_B: Tensor


def credit_rollout(
    rollout: Rollout,
    config: MsgrpoConfig,
    key: StateKey,
    seats: SeatBaselines | None = None,
    critic: Critic | None = None,
) -> Credited:
    """The advantages of a rollout of at least one group, by the config's baseline and credit.

    `seats` is needed for baseline=seat_ema and `critic` for credit=turn_gae; both take the rollout in.
    """
    episodes_BG = episode_advantages(rollout, config, seats)
    steps: Sequence[Sequence[Sequence[float]]] = (
        critic.advantages(rollout)
        if critic is not None
        else [
            step_advantages(group, episodes_BG[row].tolist(), config, key)
            for row, group in enumerate(rollout.groups)
        ]
    )
    all_B = torch.ones(len(rollout.groups), dtype=torch.bool)
    trainable_B = all_B if config.learns_from_all else informative_groups(rollout.returns_BG())
    return Credited(episodes_BG, steps, trainable_B)


def choose_episodes(
    rollout: Rollout, config: MsgrpoConfig, generator: torch.Generator, credited: Credited | None = None
) -> list[tuple[Trajectory, list[float]]]:
    """The trajectories to train on, each with the advantage of each of its steps.

    Advantages are those of the whole groups, before sampling; groups whose returns are all equal
    are left out, unless there is a baseline beside them. Empty if there is nothing to learn from.
    """
    if not rollout.groups:
        return []
    credited = credited or credit_rollout(rollout, config, state_key(None))
    pool = [
        (trajectory, credited.steps[row][column], float(credited.episodes_BG[row, column]))
        for row, group in enumerate(rollout.groups)
        for column, trajectory in enumerate(group)
        if credited.trainable_B[row] and trajectory.steps
    ]
    if not pool:
        return []
    chosen_K, weights_K = kept_episodes(torch.tensor([a for _, _, a in pool]), config, generator)
    return [
        (pool[index][0], [weight * advantage for advantage in pool[index][1]])
        for index, weight in zip(chosen_K.tolist(), weights_K.tolist(), strict=True)
    ]


def mean_kept_advantage(
    rollout: Rollout, credited: Credited, chosen: Sequence[tuple[Trajectory, list[float]]]
) -> float | None:
    """The mean advantage of the kept episodes as episodes, unweighted: how far the draw leans; None of none.

    All of a group average 0. AAW keeps the rare outcome more often: above 0 while few episodes succeed, below
    while most do. `importance_correction` takes this out of the gradient, not out of this number.
    """
    own = {
        id(trajectory): float(credited.episodes_BG[row, column])
        for row, group in enumerate(rollout.groups)
        for column, trajectory in enumerate(group)
    }
    return fmean(own[id(trajectory)] for trajectory, _ in chosen) if chosen else None
