"""The language policy in training: its weights, its reference, its optimiser, and one update."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from arena.match.seeds import decision_seed
from arena.training.config import MsgrpoConfig
from arena.training.distributed.shards import shard
from arena.training.distributed.team import SOLO, Team
from arena.training.distributed.weights import TrainedWeights
from arena.training.memory.estimate import recomputes
from arena.training.msgrpo.batch import Sequences, TokenBatch
from arena.training.msgrpo.logprobs import Reader
from arena.training.msgrpo.loss import weighted_loss
from arena_agents.causal_lm.family import Family
from arena_agents.causal_lm.load import default_device
from arena_agents.causal_lm.logprobs import in_passes, reply_rows, widest
from arena_agents.causal_lm.prove import prove
from arena_agents.causal_lm.trees import takes_trees

# How many sequences are read again to measure how far an update moved the policy.
KL_PROBE = 64
STATS = ("kl", "entropy", "clip_fraction", "grad_norm", "ref_kl")


class Learner:
    """Holds `model` and trains those of its parameters that require gradients.

    In a team that shards, the model is to be given in CPU memory: its parts are moved to the device. Only
    the first process's weights count.
    """

    def __init__(self, model: Any, config: MsgrpoConfig, pad_id: int, team: Team = SOLO) -> None:
        self.model, self.config, self.pad_id, self.team = model, config, pad_id, team
        self.adapter = config.lora_rank > 0
        if self.adapter:
            self.model = with_lora(model, config)
        self.model.eval()  # no dropout: π_θ must equal π_old before the first update
        self.family: Family = team.gather(prove(self.model))[0]
        self.family.check()
        apart = config.beta > 0 and not self.adapter
        self.reference = self._reader(copy.deepcopy(model).requires_grad_(False)) if apart else None
        self.reader = self._reader(self.model)
        self.trained = TrainedWeights(self.model, rate=config.learning_rate, weight_decay=config.weight_decay)

    def _reader(self, model: Any) -> Reader:
        reader = Reader(
            model,
            temperature=self.config.temperature,
            pad_id=self.pad_id,
            family=self.family,
            recompute=recomputes(self.config, sum(p.numel() for p in model.parameters())),
            sharded=self.team.sharded,
        )
        if self.team.sharded:
            shard(reader, default_device(), self.team.size)
            with torch.no_grad():
                reader([(0,)], [(0,)])  # FSDP takes what is read first for the whole
        return reader

    def update(self, batch: TokenBatch, rate: float, step: int) -> dict[str, float] | None:
        """All passes over one batch. Returns statistics, or None if it was undone.

        An update that is not finite, or that moves the policy further than `max_kl` from π_old,
        is undone: nothing of it stays in the weights or in the optimiser.
        """
        before = self.trained.snapshot()
        for group in self.trained.optimizer.param_groups:
            group["lr"] = rate
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
        optimizer, parameters = self.trained.optimizer, self.trained.parameters.values()
        optimizer.zero_grad()
        rows_N = batch.rows(sequences)
        weight = float(batch.weights_NK[rows_N].sum())
        totals = dict.fromkeys(STATS, 0.0)
        for chunk, counts in self._passes(batch, sequences):
            loss, stats = self._loss(batch, chunk, weight)
            (counts * loss).backward()  # type: ignore[no-untyped-call]
            for name, value in stats.items():
                totals[name] += counts * float(value)
        self.team.add_up_gradients(parameters)
        totals = self.team.add_up(totals)
        norm = clip_gradients(parameters, self.config.max_grad_norm)
        if not norm < float("inf"):
            optimizer.zero_grad()
            return None
        optimizer.step()
        return totals | {"grad_norm": norm}

    def _loss(
        self, batch: TokenBatch, sequences: list[int], weight: float
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The part of the loss that these sequences' steps make up, and its statistics."""
        rows_N = batch.rows(sequences)
        place = {sequence: row for row, sequence in enumerate(sequences)}
        of_row = torch.tensor([place[s] for s in batch.sequence_N[rows_N].tolist()])
        logprobs_UK, entropy_UK = read(self.reader, batch, sequences)
        reference_UK = self._reference(batch, sequences) if self.config.beta > 0 else None
        width, device = logprobs_UK.shape[1], logprobs_UK.device
        weights_NK = batch.loss_weights_NK[rows_N, :width].to(device) / weight
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

    @torch.no_grad()
    def _reference(self, batch: TokenBatch, sequences: list[int]) -> Tensor:
        """π_ref's log-probabilities: with LoRA, the model with its adapter switched off."""
        if self.reference is not None:
            return read(self.reference, batch, sequences)[0]
        switched_off: AbstractContextManager[None] = self.model.disable_adapter()
        with switched_off:
            return read(self.reader, batch, sequences)[0]

    @torch.no_grad()
    def kl_from_old(self, batch: TokenBatch) -> float:
        """KL(π_old ‖ π_θ) by k3 on the replies of up to `KL_PROBE` sequences, in nats a token."""
        first = {int(s): row for row, s in reversed(list(enumerate(batch.sequence_N)))}
        sequences = sorted(first)[:KL_PROBE]
        total, tokens = 0.0, 0.0
        for chunk, counts in self._passes(batch, sequences):
            logprobs_UK, _ = read(self.reader, batch, chunk)
            rows = torch.tensor([first[s] for s in chunk])
            real_UK = (batch.weights_NK[rows, : logprobs_UK.shape[1]] > 0).to(logprobs_UK.device)
            old_UK = batch.old_logprobs_NK[rows, : logprobs_UK.shape[1]].to(logprobs_UK.device)
            log_ratio_UK = torch.where(real_UK, logprobs_UK - old_UK, 0.0)
            total += counts * float((torch.expm1(log_ratio_UK) - log_ratio_UK).sum())
            tokens += counts * float(real_UK.sum())
        sums = self.team.add_up({"total": total, "tokens": tokens})
        return sums["total"] / max(sums["tokens"], 1.0)

    def _chunks(self, batch: Sequences, sequences: list[int]) -> Iterator[list[int]]:
        """Sequences that are read together, of similar length: `micro_tokens` padded tokens at a time."""
        prompts, replies = ([texts[s] for s in sequences] for texts in (batch.prompts, batch.replies))
        branching = takes_trees(self.model) and widest(prompts, replies) <= self.family.short_cuts.trees
        rows = reply_rows(prompts, replies, branching=branching)
        for together in in_passes(rows, self.config.micro_tokens):
            yield [sequences[member] for row in together for member in row.members]

    def _passes(self, batch: Sequences, sequences: list[int]) -> Iterator[tuple[list[int], float]]:
        """This process's shard of the chunks, each with 1.0; with 0.0 one that another process counts.

        Layers of a sharded model are gathered by all processes together, so none may read less often.
        """
        chunks = list(self._chunks(batch, sequences))
        own = self.team.shard(chunks)
        yield from ((chunk, 1.0) for chunk in own)
        if self.team.sharded and len(own) * self.team.size < len(chunks):
            yield chunks[-1], 0.0

    @torch.no_grad()
    def logprobs(self, texts: Sequences) -> Tensor:
        """Log-probabilities (U, K) of the replies' tokens under π_θ, 0 beyond a reply; in CPU memory.

        Each process of a team reads a shard of the texts, so all are to ask for the same ones.
        """
        found_UK = torch.zeros(len(texts.replies), max(map(len, texts.replies)))
        for chunk, counts in self._passes(texts, list(range(len(texts.replies)))):
            logprobs_UK, _ = read(self.reader, texts, chunk)
            if counts:
                found_UK[chunk, : logprobs_UK.shape[1]] = logprobs_UK.cpu()
        return sum(self.team.gather(found_UK), torch.zeros(()))


def read(reader: Reader, batch: Sequences, sequences: list[int]) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the replies' tokens and entropies at them, (U, K) each."""
    found: tuple[Tensor, Tensor] = reader(
        [batch.prompts[s] for s in sequences], [batch.replies[s] for s in sequences]
    )
    return found


def clip_gradients(parameters: Collection[nn.Parameter], most: float) -> float:
    """Scale all gradients down to a norm of `most`; returns the norm that they had."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, most)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


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
    device = next(model.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        return get_peft_model(model, adapter)
