"""From a rollout to what the loss is computed on: the kept episodes' steps and their tokens."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypedDict

import torch
from torch import Tensor

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.language.sequences import Sequences
from arena.training.msgrpo.advantage import (
    EPSILON,
    aaw_sample,
    group_advantages,
    informative_groups,
    returns_to_go,
    weighted_aaw_sample,
)
from arena.training.msgrpo.loss import episode_mean_weights, token_mean_weights

Ids = tuple[int, ...]


class DrawOptions(TypedDict):
    """How episodes are drawn."""

    k: int
    temperature: float
    generator: torch.Generator
    replacement: bool


@dataclass(frozen=True, slots=True)
class TokenBatch(Sequences):
    """N steps as tokens. Steps with the same prompt and reply share one of U sequences.

    `old_logprobs_NK` are π_old's of the sampled tokens, or (N, 1) of replies that were drawn whole;
    `weights_NK` the loss's, 0 beyond a reply and at tokens that were not drawn; `importance_NK` what they
    are multiplied by where the engine drew from a little another policy.
    """

    sequence_N: Tensor
    old_logprobs_NK: Tensor
    weights_NK: Tensor
    advantages_N: Tensor
    episodes: int
    importance_NK: Tensor | None = None

    @property
    def loss_weights_NK(self) -> Tensor:
        """The weights of the loss, importance included."""
        return self.weights_NK if self.importance_NK is None else self.weights_NK * self.importance_NK

    def rows(self, sequences: Sequence[int]) -> Tensor:
        """The steps (indices into N) whose tokens are those of the given sequences."""
        return torch.isin(self.sequence_N, torch.tensor(sequences)).nonzero().squeeze(1)


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
    step_advantages = [
        _step_advantages(group, advantages_BG[row].tolist(), config)
        for row, group in enumerate(rollout.groups)
    ]
    pool = [
        (trajectory, step_advantages[row][column], float(advantages_BG[row, column]))
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


def _step_advantages(
    group: Sequence[Trajectory], advantages_G: list[float], config: MsgrpoConfig
) -> list[list[float]]:
    """Each step's advantage, by trajectory. The paper's: every step inherits its episode's.

    `return_to_go` compares what followed a step with what followed the same turn of the group's
    other episodes, `step_group` with what followed the same state.
    """
    if config.credit == "episode":
        return [[a] * len(t.steps) for a, t in zip(advantages_G, group, strict=True)]
    to_go = [returns_to_go([step.reward for step in t.steps], config.discount) for t in group]
    if config.credit == "return_to_go":
        turns = [[str(turn) for turn in range(len(t.steps))] for t in group]
        return _standardised(to_go, turns, config)
    return _standardised(to_go, [[step.observation.text for step in t.steps] for t in group], config)


def _standardised(
    values: Sequence[Sequence[float]], keys: Sequence[Sequence[str]], config: MsgrpoConfig
) -> list[list[float]]:
    """Values less the mean of those with the same key, over the group's standard deviation.

    One deviation for the whole group: a key that only two steps share would otherwise make a full
    ±1 of any difference between them, however small.
    """
    by_key: dict[str, list[float]] = defaultdict(list)
    for row, names in zip(values, keys, strict=True):
        for value, name in zip(row, names, strict=True):
            by_key[name].append(value)
    mean = {name: fmean(found) for name, found in by_key.items()}
    centred = [
        [value - mean[name] for value, name in zip(row, names, strict=True)]
        for row, names in zip(values, keys, strict=True)
    ]
    if config.advantage_scale == "none":
        return centred
    scale = math.sqrt(fmean(value**2 for row in centred for value in row)) + EPSILON
    return [[value / scale for value in row] for row in centred]


def token_batch(chosen: Sequence[tuple[Trajectory, list[float]]], config: MsgrpoConfig) -> TokenBatch:
    """Assemble the sampled tokens of the chosen trajectories; text is never tokenised again."""
    places: dict[tuple[Ids, Ids, tuple[Ids, ...]], int] = {}
    sequence, advantages, episode, old, appended = [], [], [], [], []
    for number, (trajectory, step_advantages) in enumerate(chosen):
        for step, advantage in zip(trajectory.steps, step_advantages, strict=True):
            sample = step.reply.sample
            if sample is None:
                raise ValueError("a reply of the learner has no sampled tokens")
            key = (sample.prompt_ids, sample.token_ids, sample.choices)
            sequence.append(places.setdefault(key, len(places)))
            advantages.append(advantage)
            episode.append(number)
            old.append(sample.logprobs)
            appended.append(sample.appended)
    longest = max(map(len, old))
    mask_NK = torch.tensor([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in old])
    for row, not_drawn in enumerate(appended):
        mask_NK[row, list(not_drawn)] = 0.0
    weights_NK = (
        episode_mean_weights(mask_NK, torch.tensor(episode))
        if config.loss_mean == "episode"
        else token_mean_weights(mask_NK)
    )
    return TokenBatch(
        prompts=tuple(prompt for prompt, _, _ in places),
        replies=tuple(reply for _, reply, _ in places),
        choices=tuple(choices for _, _, choices in places if choices),
        sequence_N=torch.tensor(sequence),
        old_logprobs_NK=torch.tensor([[*row, *[0.0] * (longest - len(row))] for row in old]),
        weights_NK=weights_NK,
        advantages_N=torch.tensor(advantages),
        episodes=len(chosen),
    )


def with_trainer_logprobs(batch: TokenBatch, trainer_UK: Tensor, cap: float) -> tuple[TokenBatch, float]:
    """The batch with the trainer's own π_old (U, K), for tokens that an engine drew with its kernels.

    Each token is weighed by min(π_trainer / π_engine, cap), importance sampling truncated as by
    Ionides (2008), so that up to the truncation the tokens count as drawn from the trainer's π_old.
    Also returns the mean |log π_trainer − log π_engine| in nats a token.
    """
    real_NK = batch.weights_NK > 0
    trainer_NK = trainer_UK[batch.sequence_N]
    log_ratio_NK = torch.where(real_NK, trainer_NK - batch.old_logprobs_NK, 0.0)
    mismatch = float(log_ratio_NK.abs().sum() / real_NK.sum())
    importance_NK = log_ratio_NK.exp().clamp(max=cap)
    return replace(batch, old_logprobs_NK=trainer_NK, importance_NK=importance_NK), mismatch
