"""A language policy in training: its weights, how it is read in passes, and one optimiser step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from arena.training.config import LanguageConfig
from arena.training.distributed.shards import shard
from arena.training.distributed.team import SOLO, Team
from arena.training.distributed.weights import TrainedWeights, Weights
from arena.training.language.decisions import decision_chunks, read_decisions
from arena.training.language.reader import Reader
from arena.training.language.sequences import Sequences
from arena.training.language.start import Start
from arena.training.memory.estimate import recomputes
from arena_agents.causal_lm.family import Family
from arena_agents.causal_lm.load import default_device, with_adapter
from arena_agents.causal_lm.logprobs import in_passes, reply_rows, widest
from arena_agents.causal_lm.prove import prove
from arena_agents.causal_lm.trees import takes_trees
from arena_agents.presets import model_source

# The part of a loss that some sequences make up, and statistics that are summed likewise.
PartialLoss = Callable[[list[int]], tuple[Tensor, Mapping[str, Tensor]]]


class PolicyLearner:
    """Holds `model` and trains those of its parameters that require gradients.

    Training goes on with the adapter of `start` if it has one; else an adapter begins fresh, unless all
    weights are trained. In a sharded team, the model is to be given in CPU
    memory: its parts are moved to the device. Only the first process's weights count.

    `reads_alike` tells that an engine which draws from this very model computes what the trainer does, up to
    rounding errors that do not matter: in bfloat16 they are some hundredths of a nat a token.
    """

    config: LanguageConfig

    def __init__(
        self,
        model: Any,
        config: LanguageConfig,
        pad_id: int,
        team: Team = SOLO,
        start: Start | None = None,
    ) -> None:
        self.start = start or Start(model_source(config.agent), config.agent)
        self.model, self.config, self.pad_id, self.team = model, config, pad_id, team
        self.adapter, kept = config.lora_rank > 0, self.start.adapter
        if self.adapter:
            self.model = (
                with_adapter(model, kept, trainable=True) if kept else with_fresh_adapter(model, config)
            )
        self.model.eval()  # no dropout: π_θ must equal π_old before the first update
        self.family: Family = team.gather(prove(self.model))[0]
        self.family.check()
        self.reader = self.make_reader(self.model)
        # In half precision a token's log-probability depends on what it was computed together with.
        self.reads_alike = next(self.model.parameters()).dtype == torch.float32
        self.trained = TrainedWeights(self.model, rate=config.learning_rate, weight_decay=config.weight_decay)

    def make_reader(self, model: Any) -> Reader:
        """How `model` is read: in shards, where the team is sharded."""
        reader = Reader(
            model,
            temperature=self.config.token_temperature,
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

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""
        for group in self.trained.optimizer.param_groups:
            group["lr"] = rate

    def step(
        self, texts: Sequences, sequences: list[int], loss: PartialLoss, names: Collection[str]
    ) -> dict[str, float] | None:
        """One optimiser step on the sum of `loss` over these sequences; None if it is not finite.

        Returns the sums of the statistics, `names` among them, and `grad_norm` before it was clipped.
        """
        optimizer, parameters = self.trained.optimizer, self.trained.parameters.values()
        optimizer.zero_grad()
        totals = dict.fromkeys(names, 0.0)
        for chunk, counts in self.passes(texts, sequences):
            part, stats = loss(chunk)
            (counts * part).backward()  # type: ignore[no-untyped-call]
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

    def read(
        self, texts: Sequences, sequences: list[int], reader: Reader | None = None
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of these replies' tokens under π_θ and entropies at them, (U, K) each.

        Of replies that were drawn whole, (U, 1) of each reply among its choices. `reader` reads another
        policy than π_θ.
        """
        reader = reader or self.reader
        if texts.choices:
            return read_decisions(reader, texts, sequences, self.config.temperature)
        prompts, replies = ([of[s] for s in sequences] for of in (texts.prompts, texts.replies))
        found: tuple[Tensor, Tensor] = reader(prompts, replies)
        return found

    def passes(self, texts: Sequences, sequences: list[int]) -> Iterator[tuple[list[int], float]]:
        """This process's shard of the chunks, each with 1.0; with 0.0 one that another process counts.

        Layers of a sharded model are gathered by all processes together, so none may read less often.
        """
        chunks = list(self._chunks(texts, sequences))
        own = self.team.shard(chunks)
        yield from ((chunk, 1.0) for chunk in own)
        if self.team.sharded and len(own) * self.team.size < len(chunks):
            yield chunks[-1], 0.0

    def _chunks(self, texts: Sequences, sequences: list[int]) -> Iterator[list[int]]:
        """Sequences that are read together, of similar length: `micro_tokens` padded tokens at a time."""
        prompts, replies = ([of[s] for s in sequences] for of in (texts.prompts, texts.replies))
        read = [reply for s in sequences for reply in texts.choices[s]] if texts.choices else replies
        branching = takes_trees(self.model) and widest(prompts, read) <= self.family.short_cuts.trees
        if texts.choices:
            most = self.config.micro_tokens
            yield from decision_chunks(texts, sequences, most, branching=branching)
            return
        rows = reply_rows(prompts, replies, branching=branching)
        for together in in_passes(rows, self.config.micro_tokens):
            yield [sequences[member] for row in together for member in row.members]

    @torch.no_grad()
    def logprobs(self, texts: Sequences) -> Tensor:
        """Log-probabilities (U, K) of the replies' tokens under π_θ, 0 beyond a reply; in CPU memory.

        Of replies that were drawn whole, (U, 1) of each reply among its choices.
        Each process of a team reads a shard of the texts, so all are to ask for the same ones.
        """
        found_UK = torch.zeros(len(texts.replies), texts.logprobs_each)
        for chunk, counts in self.passes(texts, list(range(len(texts.replies)))):
            logprobs_UK, _ = self.read(texts, chunk)
            if counts:
                found_UK[chunk, : logprobs_UK.shape[1]] = logprobs_UK.cpu()
        return sum(self.team.gather(found_UK), torch.zeros(()))

    def save(self, folder: Path, weights: Weights) -> None:
        """Write the whole weights given: the adapter as peft does, else the model as transformers does."""
        # By itself peft asks the hub whether the base model's vocabulary has grown.
        options = {"save_embedding_layers": False} if self.adapter else {}
        self.model.save_pretrained(folder, state_dict=weights, **options)

    def without_adapter(self) -> Weights:
        """Weights with which an adapter changes nothing: the policy of who was given none."""
        return {
            name: torch.zeros_like(weight) if ".lora_B." in name else weight
            for name, weight in self.trained.copy().items()
        }


def clip_gradients(parameters: Collection[nn.Parameter], most: float) -> float:
    """Scale all gradients down to a norm of `most`; returns the norm that they had."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, most)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def with_fresh_adapter(model: Any, config: LanguageConfig) -> Any:
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
