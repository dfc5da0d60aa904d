"""The GPU says what the CPU says: greedy tokens and log-probabilities on prompts of our games."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.causal_lm.decoder import has_plain_head
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.nano import MODEL_DIR
from tests.benchmarks.gpu.bench import GAMES, Bench, decision_prompts, language_agent, padded, quantiles

CPU = torch.device("cpu")


def run(bench: Bench) -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    _compare(bench, "nano", MODEL_DIR, bench.few(32, 4), bench.few(24, 6))
    _compare(bench, "SmolLM2", bench.folder(), bench.few(16, 2), bench.few(24, 4))


def _compare(bench: Bench, name: str, folder: Path, starts: int, length: int) -> None:
    greedy = Sampling(temperature=0.0, max_new_tokens=length, stop=())
    model, tokenizer = bench.load(folder, "float32", CPU)
    agent = language_agent(TransformersEngine(model, tokenizer), tokenizer)
    prompts = [p for game in GAMES for p in decision_prompts(agent, game, starts, 1)]
    expected = agent.engine.generate(prompts, greedy, range(len(prompts)))
    read_here = _read(model, expected)
    bench.row(f"{name}: prompts", prompts=len(prompts), tokens=len(prompts[0]), distinct=len(set(prompts)))

    model = model.to(bench.device)
    engine = TransformersEngine(model, tokenizer)
    found = engine.generate(prompts, greedy, range(len(prompts)))
    bench.row(f"{name}: float32, GPU and CPU", **_agreement(found, expected))
    bench.row(f"{name}: float32, what the trainer reads", **quantiles(_read(model, expected) - read_here))
    bench.row(f"{name}: float32, ours and generate", **_plain(bench, engine, prompts, found, length))
    bench.row(f"{name}: plain head", float32=has_plain_head(model))

    model = model.to(torch.bfloat16)
    engine = TransformersEngine(model, tokenizer)
    drawn = engine.generate(prompts, greedy, range(len(prompts)))
    bench.row(f"{name}: bfloat16 on the GPU, float32 on the CPU", **_agreement(drawn, expected))
    bench.row(f"{name}: bfloat16, what the trainer reads", **quantiles(_read(model, expected) - read_here))
    bench.row(f"{name}: plain head", bfloat16=has_plain_head(model))


@torch.no_grad()
def _read(model: Any, samples: Sequence[TokenSample]) -> torch.Tensor:
    """What the trainer reads of the same tokens, in CPU memory."""
    prompts, replies = [s.prompt_ids for s in samples], [s.token_ids for s in samples]
    return read_replies(model, prompts, replies)[0].float().cpu()


def _agreement(found: Sequence[TokenSample], expected: Sequence[TokenSample]) -> dict[str, Any]:
    """How many replies are equal to the last token; log-probabilities up to where they part."""
    apart, equal = [], 0
    for one, other in zip(found, expected, strict=True):
        equal += one.token_ids == other.token_ids
        for a, b, p, q in zip(one.token_ids, other.token_ids, one.logprobs, other.logprobs, strict=False):
            if a != b:
                break
            apart.append(p - q)
    return {"equal": equal, "of": len(expected), **quantiles(torch.tensor(apart or [0.0]))}


@torch.inference_mode()
def _plain(
    bench: Bench,
    engine: TransformersEngine,
    prompts: Sequence[Ids],
    found: Sequence[TokenSample],
    length: int,
) -> dict[str, Any]:
    """Ours beside `generate` on the same card."""
    model: Any = engine.model
    pad = engine.tokenizer.pad_token_id or 0
    batch = padded(prompts, pad, bench.device)
    ends = sorted(engine._ends)
    out = model.generate(**batch, do_sample=False, max_new_tokens=length, eos_token_id=ends, pad_token_id=pad)
    rows = out[:, batch["input_ids"].shape[1] :].tolist()
    equal = sum(tuple(row[: len(s.token_ids)]) == s.token_ids for row, s in zip(rows, found, strict=True))
    return {"equal": equal, "of": len(found)}
