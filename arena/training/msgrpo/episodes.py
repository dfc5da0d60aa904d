"""From a rollout to the episodes that are trained on, each with the advantage of each of its steps."""

from __future__ import annotations

import torch
from torch import Tensor

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.advantage import (
    aaw_probabilities,
    aaw_sample,
    group_advantages,
    informative_groups,
)
from arena.training.msgrpo.credit import step_advantages


def kept_episodes(
    advantages_N: Tensor, config: MsgrpoConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Indices (K,) of the episodes to train on and their importance weights (K,).

    The weights are 1/(n·P_j), of mean about 1, with `importance_correction`, and 1 without.
    """
    n = len(advantages_N)
    count = max(1, round(config.keep * n))
    weighing = advantages_N if config.episode_sampling == "aaw" else torch.zeros_like(advantages_N)
    chosen_K = aaw_sample(
        weighing,
        k=count,
        temperature=config.episode_temperature,
        generator=generator,
        replacement=config.with_replacement,
    )
    if not config.importance_correction:
        return chosen_K, torch.ones(count)
    return chosen_K, 1 / (n * aaw_probabilities(weighing, config.episode_temperature)[chosen_K])


def choose_episodes(
    rollout: Rollout, config: MsgrpoConfig, generator: torch.Generator
) -> list[tuple[Trajectory, list[float]]]:
    """The trajectories to train on, each with the advantage of each of its steps.

    Advantages are those of the whole groups, before sampling; groups whose returns are all equal
    are left out. Empty if there is nothing to learn from.
    """
    if not rollout.groups:
        return []
    returns_BG = rollout.returns_BG()
    informative_B = informative_groups(returns_BG)
    advantages_BG = group_advantages(returns_BG, scale=config.advantage_scale)
    steps_BG = [
        step_advantages(group, advantages_BG[row].tolist(), config)
        for row, group in enumerate(rollout.groups)
    ]
    pool = [
        (trajectory, steps_BG[row][column], float(advantages_BG[row, column]))
        for row, group in enumerate(rollout.groups)
        for column, trajectory in enumerate(group)
        if informative_B[row]
    ]
    if not pool:
        return []
    chosen_K, weights_K = kept_episodes(torch.tensor([a for _, _, a in pool]), config, generator)
    return [
        (pool[index][0], [weight * advantage for advantage in pool[index][1]])
        for index, weight in zip(chosen_K.tolist(), weights_K.tolist(), strict=True)
    ]
