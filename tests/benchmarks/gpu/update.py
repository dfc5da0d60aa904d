"""What an update costs with LoRA: seconds, the share of the measured matmul peak, memory and its estimate."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import torch

from arena.training.config import MsgrpoConfig
from arena.training.language.sequences import Sequences
from arena.training.memory.estimate import Estimate, estimate, model_shape, recomputes
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights
from arena_agents.base import Sampling
from arena_agents.engines.transformers import TransformersEngine
from tests.benchmarks.gpu.bench import Bench, decision_prompts, language_agent, some_replies
from tests.benchmarks.gpu.matmul import matmul_peak

REPLY = 64
MICRO = (16_384, 65_536)


def run(bench: Bench) -> None:
    peak = matmul_peak(bench)
    bench.row("matmul bfloat16", tflops=round(peak / 1e12, 1))
    for name, loaded in _models(bench):
        model, tokenizer = loaded
        shape, base = model_shape(model.config), sum(p.numel() for p in model.parameters())
        for micro in MICRO if name == "SmolLM2" else MICRO[:1]:
            config = MsgrpoConfig(
                game="snake",
                agent="hf:there",
                dtype="bfloat16",
                max_new_tokens=bench.few(REPLY, 4),
                micro_tokens=micro,
                max_kl=1e9,
            )
            recomputed = recomputes(config, base)
            _measure(bench, f"{name}, {micro} tokens a pass", model, tokenizer, config, peak, recomputed)
            expected = estimate(shape, config, device="cuda")
            _release(bench)
            bench.row(f"{name}, {micro} tokens a pass: estimate", **_gib(expected))
        del model, loaded


def _models(bench: Bench) -> Iterator[tuple[str, tuple[Any, Any]]]:
    yield "SmolLM2", bench.load(bench.folder(), "bfloat16")
    _release(bench)
    yield "3 B", bench.three_billion()


def _measure(
    bench: Bench, name: str, model: Any, tokenizer: Any, config: MsgrpoConfig, peak: float, recomputed: bool
) -> None:
    learner = Learner(model, config, tokenizer.pad_token_id or 0)
    batch = _batch(bench, learner, tokenizer)
    held = bench.memory()
    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    flops = _flops(learner.model, batch)
    took = bench.seconds(lambda: _update(learner, batch), runs=2)
    reading = bench.seconds(lambda: learner.logprobs(batch), runs=1)
    done = flops * 3 / 2 if recomputed else flops  # layers are computed again
    bench.row(
        name,
        sequences=len(batch.replies),
        tokens=_tokens(batch),
        seconds=round(took, 3),
        reading_seconds=round(reading, 3),
        tflop=round(flops / 1e12, 2),
        of_the_peak=round(done / took / peak, 3),
        mfu=round(flops / took / peak, 3),
        recomputes=recomputed,
        held_gib=held["allocated_gib"],
        **_peak(bench),
    )
    learner.model.unload()  # the adapter is taken off again, in place


def _tokens(batch: TokenBatch) -> int:
    return sum(map(len, batch.prompts)) + sum(map(len, batch.replies))


def _flops(model: Any, batch: TokenBatch) -> float:
    """What an update of an adapter must compute: 2 FLOP a weight and token forward, 2 back, and attention.

    The gradient of the frozen weights is not needed. Every token of every text counts, though what texts
    begin with alike is computed once; of the output layer only the replies' tokens.
    """
    config = model.config
    head = sum(p.numel() for p in model.get_output_embeddings().parameters())
    tied = config.tie_word_embeddings
    layers = sum(p.numel() for p in model.parameters()) - head * (1 if tied else 2)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    pairs = sum((len(p) + len(r)) ** 2 / 2 for p, r in zip(batch.prompts, batch.replies, strict=True))
    attention = 4 * config.num_hidden_layers * config.num_attention_heads * width * pairs
    forward = 2 * layers * _tokens(batch) + 2 * head * sum(map(len, batch.replies)) + attention
    return float(2 * forward + attention)  # back, attention costs twice what it does forward


def _update(learner: Learner, batch: TokenBatch) -> None:
    if learner.update(batch, 1e-6, 1) is None:
        raise RuntimeError("the update was undone")


def _batch(bench: Bench, learner: Learner, tokenizer: Any) -> TokenBatch:
    """128 decisions of Snake as they are, with replies of `REPLY` drawn tokens."""
    agent = language_agent(TransformersEngine(learner.model, tokenizer), tokenizer)
    agent.sampling = Sampling()
    prompts = decision_prompts(agent, "snake", bench.few(128, 4), 1, turn=3)
    count, length = len(prompts), bench.few(REPLY, 4)
    replies = some_replies(count, length, min(len(tokenizer), learner.model.config.vocab_size))
    texts = Sequences(tuple(map(tuple, prompts)), tuple(replies))
    old = learner.logprobs(texts)
    return TokenBatch(
        prompts=texts.prompts,
        replies=texts.replies,
        sequence_N=torch.arange(count),
        old_logprobs_NK=old,
        weights_NK=episode_mean_weights(torch.ones(old.shape), torch.arange(count)),
        advantages_N=torch.randn(count, generator=torch.Generator().manual_seed(0)),
        episodes=count,
    )


def _gib(expected: Estimate) -> dict[str, float]:
    return {
        "held_gib": round(sum(expected.held.values()) / 2**30, 2),
        "update_gib": round(sum(expected.update.values()) / 2**30, 2),
        "rollout_gib": round(sum(expected.rollout.values()) / 2**30, 2),
        "peak_gib": round(expected.peak / 2**30, 2),
    }


def _peak(bench: Bench) -> dict[str, float]:
    if not bench.on_gpu:
        return {}
    return {
        "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
        "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / 2**30, 2),
    }


def _release(bench: Bench) -> None:
    gc.collect()
    if bench.on_gpu:
        torch.cuda.empty_cache()
