"""The kept episodes' steps as the tokens that the loss is computed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Trajectory
from arena.training.language.sequences import Ids, Sequences
from arena.training.msgrpo.loss import episode_mean_weights, token_mean_weights


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
