"""Play, sleep, learn, wake, play: what the engine of transformers frees, and that it plays the new policy."""

from __future__ import annotations

import time
from typing import Any

import torch

from arena.training.config import MsgrpoConfig
from arena.training.language.probe import on_tokens
from arena.training.language.sequences import Sequences
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights
from arena_agents.base import Sampling
from arena_agents.engines.transformers import TransformersEngine
from tests.benchmarks.gpu.bench import Bench, decision_prompts, language_agent, quantiles


def run(bench: Bench) -> None:
    model, tokenizer = bench.load(bench.folder(), "bfloat16")
    config = MsgrpoConfig(game="frozen-lake", agent="hf:there", dtype="bfloat16", max_kl=1e9)
    learner = Learner(model, config, tokenizer.pad_token_id or 0)
    engine = TransformersEngine(learner.model, tokenizer)
    agent = language_agent(engine, tokenizer)
    prompts = decision_prompts(agent, "frozen-lake", bench.few(16, 2), bench.few(8, 2))
    sampling = Sampling(max_new_tokens=bench.few(32, 4), stop=())
    bench.row("loaded", **bench.memory())
    before = engine.generate(prompts, sampling, range(len(prompts)))
    bench.row("played", **bench.memory())
    for rounds in range(2):
        for name, work in (
            ("slept", engine.sleep),
            ("learned", lambda: learn(learner, before)),
            ("woke", engine.wake),
        ):
            began = time.perf_counter()
            work()
            bench.sync()
            bench.row(
                f"{name}, round {rounds}", seconds=round(time.perf_counter() - began, 3), **bench.memory()
            )
    after = engine.generate(prompts, sampling, range(len(prompts)))
    bench.row(
        "played again", **bench.memory(), changed=sum(a != b for a, b in zip(after, before, strict=True))
    )
    texts = Sequences(tuple(s.prompt_ids for s in after), tuple(s.token_ids for s in after))
    trainer_M = on_tokens(learner.logprobs(texts), after)
    own_M = torch.tensor([logprob for sample in after for logprob in sample.logprobs])
    bench.row("the engine beside the trainer", **quantiles(trainer_M - own_M))
    if bench.on_gpu:
        torch.cuda.empty_cache()
        bench.row("cache emptied", **bench.memory())


def learn(learner: Learner, samples: Any) -> None:
    texts = Sequences(tuple(s.prompt_ids for s in samples), tuple(s.token_ids for s in samples))
    lengths_N1 = torch.tensor([[len(reply)] for reply in texts.replies])
    real_NK = torch.arange(int(lengths_N1.max())) < lengths_N1
    drawn_M = torch.tensor([logprob for sample in samples for logprob in sample.logprobs])
    old_NK = torch.zeros(real_NK.shape).masked_scatter(real_NK, drawn_M)
    batch = TokenBatch(
        prompts=texts.prompts,
        replies=texts.replies,
        sequence_N=torch.arange(len(samples)),
        old_logprobs_NK=old_NK,
        weights_NK=episode_mean_weights(real_NK.float(), torch.arange(len(samples))),
        advantages_N=torch.randn(len(samples), generator=torch.Generator().manual_seed(0)),
        episodes=len(samples),
    )
    if learner.update(batch, 1e-4, 1) is None:
        raise RuntimeError("the update was undone")
