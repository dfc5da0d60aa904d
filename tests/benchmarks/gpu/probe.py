"""An engine with weights of its own in bfloat16: what it samples beside what the trainer computes.

The mismatch is measured with the head as it is and with a head in float32, then the adapter is updated
and handed over some times; at last an engine that keeps its first adapter must be found.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from arena.training.config import MsgrpoConfig
from arena.training.language.learner import with_fresh_adapter
from arena.training.language.probe import on_tokens
from arena.training.language.sequences import Sequences
from arena.training.language.sync import PolicySync
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights
from arena_agents.base import Sampling, TokenSample
from arena_agents.engines.transformers import TransformersEngine
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.benchmarks.gpu.bench import Bench, language_agent, quantiles

CAP = 2.0
HANDED_OVER = 6


class CopyEngine(TransformersEngine):
    """A model of its own, which knows of the trainer only what lies in the adapter's folder."""

    shares_model = False
    stale = False

    def load_policy(self, adapter: Path, version: int) -> None:
        self.policy_version = version
        if not self.stale or version == 0:
            set_peft_model_state_dict(self.model, load_file(adapter / "adapter_model.safetensors"))


class Head32(nn.Module):
    """The output layer in float32."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(head.weight.detach().float(), requires_grad=False)

    def forward(self, states: Tensor) -> Tensor:
        return functional.linear(states.float(), self.weight)


def run(bench: Bench) -> None:
    folder = bench.folder()
    for dtype, wide_head in (("float32", False), ("bfloat16", False), ("bfloat16", True)):
        pair = Pair(bench, folder, dtype, wide_head)
        pair.measure(f"{dtype}{', head in float32' if wide_head else ''}")
        if dtype == "bfloat16" and not wide_head:
            for rate in (1e-5, 1e-4):
                pair.follow(rate)
    for rate in (1e-5, 1e-4):
        Pair(bench, folder, "bfloat16", False).stale(rate)


class Pair:
    """A learner, and an engine with a copy of its model."""

    def __init__(self, bench: Bench, folder: Path, dtype: str, wide_head: bool) -> None:
        self.bench = bench
        self.spec = find_game("frozen-lake")
        config = MsgrpoConfig(game="frozen-lake", agent=f"hf:{folder}", dtype=dtype, max_kl=1e9)  # type: ignore[arg-type]
        (one, tokenizer), (other, _) = (bench.load(folder, dtype) for _ in range(2))
        if wide_head:
            for model in (one, other):
                model.set_output_embeddings(Head32(model.get_output_embeddings()))
        self.learner = Learner(one, config, tokenizer.pad_token_id or 0)
        self.engine = CopyEngine(with_fresh_adapter(other, config), tokenizer)
        self.agent = language_agent(self.engine, tokenizer)
        self.agent.sampling = Sampling(max_new_tokens=bench.few(32, 4))
        self.sync = PolicySync(self.agent, self.learner, self.spec, bench.scratch / "probe")
        self.sync.prompts = self.sync.prompts[: bench.few(64, 4)]

    def sampled(self, engine: Any, seeds: range) -> list[TokenSample]:
        free = replace(self.agent.sampling, stop=())
        samples: list[TokenSample] = engine.generate(self.sync.prompts, free, seeds)
        return samples

    def measure(self, name: str) -> None:
        """|trainer − engine| of each token, for an engine of its own and for one that shares the model."""
        self.sync._sync(0)
        own = TransformersEngine(self.learner.model, self.agent.tokenizer)
        for kind, engine in (("a copy", self.engine), ("the trainer's own", own)):
            samples = self.sampled(engine, range(len(self.sync.prompts)))
            texts = Sequences(tuple(s.prompt_ids for s in samples), tuple(s.token_ids for s in samples))
            trainer_M = on_tokens(self.learner.logprobs(texts), samples)
            engine_M = torch.tensor([p for s in samples for p in s.logprobs])
            ratio_M = (trainer_M - engine_M).exp()
            self.bench.row(
                f"mismatch, {name}, {kind}",
                tokens=len(engine_M),
                **quantiles(trainer_M - engine_M),
                mean_ratio=float(ratio_M.mean()),
                capped=float((ratio_M > CAP).float().mean()),
            )

    def follow(self, rate: float) -> None:
        """Hand over each of some updates, and look at the probe."""
        for version in range(HANDED_OVER if rate < 1e-4 else 2):
            self.sync._sync(version)
            probe = self.sync._probes(version)[0]
            self.bench.row(
                f"probe, rate {rate:g}, policy {version}",
                error=probe.error,
                slope=probe.slope,
                slope_error=probe.slope_error,
                proves_new=probe.proves_new,
                proves_old=probe.proves_old,
            )
            if probe.proves_new:
                self.sync.proven, self.sync.proven_version = self.learner.trained.copy(), version
            self.update(rate, version + 1)

    def stale(self, rate: float) -> None:
        """An engine that keeps its first adapter: after how many updates is it found?"""
        self.engine.stale = True
        self.sync.push(0)
        for version in range(1, 9):
            self.update(rate, version)
            try:
                self.sync.push(version)
            except UsageError as error:
                self.bench.row(f"a stale engine, rate {rate:g}", found_at=version, said=str(error)[:160])
                return
        self.bench.row(f"a stale engine, rate {rate:g}", found_at=None)

    def update(self, rate: float, step: int) -> None:
        samples = self.sampled(self.engine, range(step * 1000, step * 1000 + len(self.sync.prompts)))
        texts = Sequences(tuple(s.prompt_ids for s in samples), tuple(s.token_ids for s in samples))
        old = self.learner.logprobs(texts)
        mask = (old != 0).float()
        draw = torch.Generator().manual_seed(step)
        batch = TokenBatch(
            prompts=texts.prompts,
            replies=texts.replies,
            sequence_N=torch.arange(len(samples)),
            old_logprobs_NK=old,
            weights_NK=episode_mean_weights(mask, torch.arange(len(samples))),
            advantages_N=torch.randn(len(samples), generator=draw),
            episodes=len(samples),
        )
        stats = self.learner.update(batch, rate, step)
        found = stats or {"kl": None, "grad_norm": None}
        self.bench.row(f"update, rate {rate:g}", kl=found["kl"], grad_norm=found["grad_norm"])
