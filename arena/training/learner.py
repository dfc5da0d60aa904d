"""The language policy in training: its weights, its reference, its optimiser, and one update."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from arena.table import decision_seed
from arena.training.batch import Sequences, TokenBatch
from arena.training.config import MsgrpoConfig
from arena.training.loss import weighted_loss
from arena.training.memory import recomputes
from arena.training.parallel import SOLO, Team
from arena_agents.engines.decoder import has_plain_head
from arena_agents.engines.replies import in_passes, read_replies, reply_rows
from arena_agents.engines.trees import takes_trees

# How many sequences are read again to measure how far an update moved the policy.
KL_PROBE = 64
STATS = ("kl", "entropy", "clip_fraction", "grad_norm", "ref_kl")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The trained weights and the optimiser's state, to step back to. It lies in CPU memory."""

    weights: dict[str, Tensor]
    optimizer: dict[str, Any]


class Learner:
    """Holds `model` and trains those of its parameters that require gradients."""

    def __init__(self, model: Any, config: MsgrpoConfig, pad_id: int, team: Team = SOLO) -> None:
        self.model, self.config, self.pad_id, self.team = model, config, pad_id, team
        self.adapter = config.lora_rank > 0
        if self.adapter:
            self.model = with_lora(model, config)
        self.frozen = None if self.adapter or config.beta == 0 else copy.deepcopy(model).requires_grad_(False)
        self.model.eval()  # no dropout: π_θ must equal π_old before the first update
        self.plain_head = has_plain_head(self.model)
        self.branching = takes_trees(self.model)
        self.recompute = recomputes(config, sum(p.numel() for p in model.parameters()))
        self.optimizer = torch.optim.AdamW(
            list(self.trained().values()), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters in training, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def update(self, batch: TokenBatch, rate: float, step: int) -> dict[str, float] | None:
        """All passes over one batch. Returns statistics, or None if it was undone.

        An update that is not finite, or that moves the policy further than `max_kl` from π_old,
        is undone: nothing of it stays in the weights or in the optimiser.
        """
        before = self.snapshot()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        generator = torch.Generator().manual_seed(decision_seed(self.config.seed, step, 2) % 2**63)
        stats: list[dict[str, float]] = []
        for _ in range(self.config.epochs):
            order_U = torch.randperm(len(batch.prompts), generator=generator)
            for part in order_U.tensor_split(min(self.config.minibatches, len(order_U))):
                taken = self._step(batch, part.tolist())
                if taken is None:
                    self.restore(before)
                    return None
                stats.append(taken)
        self.optimizer.zero_grad()  # gives the gradients' memory to the next rollout
        mean = {name: sum(s[name] for s in stats) / len(stats) for name in stats[0]}
        mean["kl"] = self.kl_from_old(batch)
        if not mean["kl"] <= self.config.max_kl:
            self.restore(before)
            return None
        return mean

    def _step(self, batch: TokenBatch, sequences: list[int]) -> dict[str, float] | None:
        """One optimiser step on the steps of these sequences; None if gradients are not finite."""
        self.optimizer.zero_grad()
        rows_N = batch.rows(sequences)
        share = float(batch.weights_NK[rows_N].sum())
        totals = dict.fromkeys(STATS, 0.0)
        for chunk in self.team.share(list(self._chunks(batch, sequences))):
            loss, stats = self._loss(batch, chunk, share)
            loss.backward()  # type: ignore[no-untyped-call]
            for name, value in stats.items():
                totals[name] += float(value)
        self.team.add_up_gradients(self.trained().values())
        totals = self.team.add_up(totals)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained().values(), self.config.max_grad_norm))
        if not norm < float("inf"):
            self.optimizer.zero_grad()
            return None
        self.optimizer.step()
        return totals | {"grad_norm": norm}

    def _loss(
        self, batch: TokenBatch, sequences: list[int], share: float
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The part of the loss that these sequences' steps make up, and its statistics."""
        rows_N = batch.rows(sequences)
        place = {sequence: row for row, sequence in enumerate(sequences)}
        of_row = torch.tensor([place[s] for s in batch.sequence_N[rows_N].tolist()])
        logprobs_UK, entropy_UK = self._read(batch, sequences)
        reference_UK = self._reference(batch, sequences) if self.config.beta > 0 else None
        width, device = logprobs_UK.shape[1], logprobs_UK.device
        weights_NK = batch.loss_weights_NK[rows_N, :width].to(device) / share
        loss, stats = weighted_loss(
            logprobs_UK[of_row],
            batch.old_logprobs_NK[rows_N, :width].to(device),
            None if reference_UK is None else reference_UK[of_row],
            weights_NK,
            batch.advantages_N[rows_N].to(device),
            clip_low=self.config.clip_low,
            clip_high=self.config.clip_high,
            beta=self.config.beta,
        )
        return loss, {**stats, "entropy": (weights_NK * entropy_UK[of_row]).sum()}

    def _read(self, batch: Sequences, sequences: list[int]) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the replies' tokens and entropies at them, (U, K) each."""
        return read_replies(
            self.model,
            [batch.prompts[s] for s in sequences],
            [batch.replies[s] for s in sequences],
            temperature=self.config.temperature,
            pad_id=self.pad_id,
            recompute=self.recompute,
            plain_head=self.plain_head,
        )

    @torch.no_grad()
    def _reference(self, batch: TokenBatch, sequences: list[int]) -> Tensor:
        """π_ref's log-probabilities: with LoRA, the model with its adapter switched off."""
        with self._as_reference():
            return self._read(batch, sequences)[0]

    @contextmanager
    def _as_reference(self) -> Iterator[None]:
        if self.adapter:
            with self.model.disable_adapter():
                yield
        else:
            trained, self.model = self.model, self.frozen
            try:
                yield
            finally:
                self.model = trained

    @torch.no_grad()
    def kl_from_old(self, batch: TokenBatch) -> float:
        """KL(π_old ‖ π_θ) by k3 on the replies of up to `KL_PROBE` sequences, in nats a token."""
        first = {int(s): row for row, s in reversed(list(enumerate(batch.sequence_N)))}
        sequences = sorted(first)[:KL_PROBE]
        total, tokens = 0.0, 0.0
        for chunk in self.team.share(list(self._chunks(batch, sequences))):
            logprobs_UK, _ = self._read(batch, chunk)
            rows = torch.tensor([first[s] for s in chunk])
            real_UK = (batch.weights_NK[rows, : logprobs_UK.shape[1]] > 0).to(logprobs_UK.device)
            old_UK = batch.old_logprobs_NK[rows, : logprobs_UK.shape[1]].to(logprobs_UK.device)
            log_ratio_UK = torch.where(real_UK, logprobs_UK - old_UK, 0.0)
            total += float((torch.expm1(log_ratio_UK) - log_ratio_UK).sum())
            tokens += float(real_UK.sum())
        sums = self.team.add_up({"total": total, "tokens": tokens})
        return sums["total"] / max(sums["tokens"], 1.0)

    def _chunks(self, batch: Sequences, sequences: list[int]) -> Iterator[list[int]]:
        """Sequences that are read together, of similar length: `micro_tokens` padded tokens at a time."""
        prompts, replies = ([texts[s] for s in sequences] for texts in (batch.prompts, batch.replies))
        rows = reply_rows(prompts, replies, branching=self.branching)
        for together in in_passes(rows, self.config.micro_tokens):
            yield [sequences[member] for row in together for member in row.members]

    @torch.no_grad()
    def logprobs(self, texts: Sequences) -> Tensor:
        """Log-probabilities (U, K) of the replies' tokens under π_θ, 0 beyond a reply; in CPU memory."""
        found_UK = torch.zeros(len(texts.replies), max(map(len, texts.replies)))
        for chunk in self._chunks(texts, list(range(len(texts.replies)))):
            logprobs_UK, _ = self._read(texts, chunk)
            found_UK[chunk, : logprobs_UK.shape[1]] = logprobs_UK.cpu()
        return found_UK

    def weights(self) -> dict[str, Tensor]:
        """A copy of the trained weights, in CPU memory."""
        return {name: in_ram(p.detach()) for name, p in self.trained().items()}

    @contextmanager
    def holding(self, weights: Mapping[str, Tensor]) -> Iterator[None]:
        """Inside, the policy is that of other weights."""
        own = self.weights()
        self._put(weights)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self.trained().items():
            parameter.copy_(weights[name])

    def snapshot(self) -> Snapshot:
        """A copy of all that an update changes."""
        weights = self.weights()
        state = self.optimizer.state_dict()
        slots = {slot: {k: in_ram(v) for k, v in values.items()} for slot, values in state["state"].items()}
        return Snapshot(weights, {"state": slots, "param_groups": copy.deepcopy(state["param_groups"])})

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot."""
        self._put(snapshot.weights)
        self.optimizer.load_state_dict(copy.deepcopy(snapshot.optimizer))


def in_ram(tensor: Tensor) -> Tensor:
    """A copy in CPU memory, wherever the tensor lies."""
    return tensor.to("cpu", copy=True)


def with_lora(model: Any, config: MsgrpoConfig) -> Any:
    """The model with a fresh adapter on its linear layers, drawn from the run's seed."""
    from peft import LoraConfig, get_peft_model

    adapter = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return get_peft_model(model, adapter)
