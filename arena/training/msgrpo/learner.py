"""MS-GRPO's learner: the policy, the one that it is held to, and one clipped update."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from arena.match.seeds import decision_seed
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.language.learner import PolicyLearner
from arena.training.language.start import Start
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.loss import Objective, weighted_loss

# How many sequences are read again to measure how far an update moved the policy.
KL_PROBE = 64
STATS = ("kl", "entropy", "clip_fraction", "grad_norm", "ref_kl")


class Learner(PolicyLearner):
    """The policy in training by MS-GRPO, and π_ref where there is a KL penalty: the policy it starts from.

    With a fresh adapter that is the model with its adapter switched off, with an adapter that was
    trained before the model with that adapter as it was, and else a frozen copy of the model.
    """

    config: MsgrpoConfig

    def __init__(
        self,
        model: Any,
        config: MsgrpoConfig,
        pad_id: int,
        team: Team = SOLO,
        start: Start | None = None,
    ) -> None:
        apart = config.beta > 0 and config.lora_rank == 0
        frozen = copy.deepcopy(model).requires_grad_(False) if apart else None
        super().__init__(model, config, pad_id, team, start)
        self.reference = self.make_reader(frozen) if frozen is not None else None
        self.started_from = self.trained.copy() if config.beta > 0 and self.start.adapter else None
        self.objective = Objective(
            clip_low=config.clip_low,
            clip_high=config.clip_high,
            beta=config.beta,
            trust_region=config.trust_region,
            tv_low=config.tv_low,
            tv_high=config.tv_high,
            unbiased_kl=config.kl_estimator == "unbiased_k3",
        )

    def update(self, batch: TokenBatch, rate: float, step: int) -> dict[str, float] | None:
        """All passes over one batch. Returns statistics, or None if it was undone.

        An update that is not finite, or that moves the policy further than `max_kl` from π_old,
        is undone: nothing of it stays in the weights or in the optimiser.
        """
        before = self.trained.snapshot()
        self.set_rate(rate)
        generator = torch.Generator().manual_seed(decision_seed(self.config.seed, step, 2) % 2**63)
        stats: list[dict[str, float]] = []
        for _ in range(self.config.epochs):
            order_U = torch.randperm(len(batch.prompts), generator=generator)
            for part in order_U.tensor_split(min(self.config.minibatches, len(order_U))):
                taken = self._step(batch, part.tolist())
                if taken is None:
                    self.trained.restore(before)
                    return None
                stats.append(taken)
        self.trained.optimizer.zero_grad()  # gives the gradients' memory to the next rollout
        mean = {name: sum(s[name] for s in stats) / len(stats) for name in stats[0]}
        mean["kl"] = self.kl_from_old(batch)
        if not mean["kl"] <= self.config.max_kl:
            self.trained.restore(before)
            return None
        return mean

    def _step(self, batch: TokenBatch, sequences: list[int]) -> dict[str, float] | None:
        """One optimiser step on the steps of these sequences; None if gradients are not finite."""
        weight = float(batch.weights_NK[batch.rows(sequences)].sum())
        return self.step(batch, sequences, lambda chunk: self._loss(batch, chunk, weight), STATS)

    def _loss(
        self, batch: TokenBatch, sequences: list[int], weight: float
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The part of the loss that these sequences' steps make up, and its statistics."""
        rows_N = batch.rows(sequences)
        place = {sequence: row for row, sequence in enumerate(sequences)}
        of_row = torch.tensor([place[s] for s in batch.sequence_N[rows_N].tolist()])
        # The reference first: it may hold other weights for a while, which the gradient must not see.
        reference_UK = self._reference(batch, sequences) if self.config.beta > 0 else None
        logprobs_UK, entropy_UK = self.read(batch, sequences)
        width, device = logprobs_UK.shape[1], logprobs_UK.device
        weights_NK = batch.loss_weights_NK[rows_N, :width].to(device) / weight
        loss, stats = weighted_loss(
            logprobs_UK[of_row],
            batch.old_logprobs_NK[rows_N, :width].to(device),
            None if reference_UK is None else reference_UK[of_row],
            weights_NK,
            batch.advantages_N[rows_N].to(device),
            self.objective,
            entropy_UK[of_row],
        )
        return loss, {**stats, "entropy": (weights_NK * entropy_UK[of_row]).sum()}

    @torch.no_grad()
    def _reference(self, batch: TokenBatch, sequences: list[int]) -> Tensor:
        """π_ref's log-probabilities."""
        if self.reference is not None:
            return self.read(batch, sequences, self.reference)[0]
        as_it_was: AbstractContextManager[None] = (
            self.model.disable_adapter()
            if self.started_from is None
            else self.trained.holding(self.started_from)
        )
        with as_it_was:
            return self.read(batch, sequences)[0]

    @torch.no_grad()
    def kl_from_old(self, batch: TokenBatch) -> float:
        """KL(π_old ‖ π_θ) by k3 on the replies of up to `KL_PROBE` sequences, in nats a token."""
        first = {int(s): row for row, s in reversed(list(enumerate(batch.sequence_N)))}
        sequences = sorted(first)[:KL_PROBE]
        total, tokens = 0.0, 0.0
        for chunk, counts in self.passes(batch, sequences):
            logprobs_UK, _ = self.read(batch, chunk)
            rows = torch.tensor([first[s] for s in chunk])
            real_UK = (batch.weights_NK[rows, : logprobs_UK.shape[1]] > 0).to(logprobs_UK.device)
            old_UK = batch.old_logprobs_NK[rows, : logprobs_UK.shape[1]].to(logprobs_UK.device)
            log_ratio_UK = torch.where(real_UK, logprobs_UK - old_UK, 0.0)
            total += counts * float((torch.expm1(log_ratio_UK) - log_ratio_UK).sum())
            tokens += counts * float(real_UK.sum())
        sums = self.team.add_up({"total": total, "tokens": tokens})
        return sums["total"] / max(sums["tokens"], 1.0)
