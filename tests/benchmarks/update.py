"""One MS-GRPO update of nano beside one step of TRL's GRPOTrainer on the same tokens.

Ours is `Learner.update`: a copy to step back to, loss, backward, optimiser step, and the look at how
far the policy moved. TRL's is `training_step` (its own preparation of the batch, loss, backward),
clipping and optimiser step; what it would generate is handed to it by its `rollout_func`, its reward
function returns what is given. Neither has a reference model, both compute in float32 without gradient
checkpointing, both take one optimiser step with AdamW on all weights.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch

from arena.training.config import MsgrpoConfig
from arena.training.language.sequences import Sequences
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights
from arena_agents.causal_lm.load import load_model
from arena_agents.presets import model_source
from tests.benchmarks.measure import Work

REPLY = 16
MICRO = 64  # TRL's rows at a time: larger and smaller ones were slower


@dataclass(frozen=True, slots=True)
class Tokens:
    """N prompts and replies, and the return of each episode of one step."""

    prompts: list[list[int]]
    replies: list[list[int]]
    returns: list[float]


def update() -> Work:
    """Four prompts of about 150 tokens with 16 replies each: what GRPO draws at a start state."""
    rng = np.random.default_rng(0)
    prompts = [prompt for _ in range(4) for prompt in [some_ids(rng, int(rng.integers(140, 161)))] * 16]
    return _work("update, 4 prompts x 16 replies x 16 tokens", _with_replies(prompts, rng), 2, 4)


def update_distinct() -> Work:
    """64 prompts of about 150 tokens that have nothing in common: nothing can be saved."""
    rng = np.random.default_rng(0)
    prompts = [some_ids(rng, int(rng.integers(140, 161))) for _ in range(64)]
    return _work("update, 64 unlike prompts x 16 tokens", _with_replies(prompts, rng), 1.5, 3)


def update_shared() -> Work:
    """512 steps: instructions of 110 tokens that all prompts share, then about 40 of their own."""
    rng = np.random.default_rng(0)
    instructions = some_ids(rng, 110)
    prompts = [instructions + some_ids(rng, int(rng.integers(30, 51))) for _ in range(512)]
    return _work("update, 512 steps that share instructions", _with_replies(prompts, rng), 3, 6)


def some_ids(rng: np.random.Generator, count: int) -> list[int]:
    """Tokens of nano's that are neither padding nor an end."""
    return [int(i) for i in rng.integers(10, 500, count)]


def _with_replies(prompts: list[list[int]], rng: np.random.Generator) -> Tokens:
    replies = [some_ids(rng, REPLY) for _ in prompts]
    return Tokens(prompts, replies, [float(r) for r in rng.integers(0, 6, len(prompts))])


def _work(name: str, tokens: Tokens, reach: float, aim: float) -> Work:
    ours, theirs = updates(tokens), _theirs(tokens)

    def update_ours() -> int:
        assert next(ours) is not None
        return 1

    def update_theirs() -> int:
        next(theirs)
        return 1

    return Work(name, "updates/s", update_ours, "TRL GRPOTrainer", update_theirs, reach, aim)


def updates(tokens: Tokens) -> Iterator[dict[str, float] | None]:
    """Ours, again and again on the same tokens, at a rate that hardly changes the policy."""
    model, tokenizer = load_model(model_source("nano"))
    config = MsgrpoConfig(game="snake", agent="nano", beta=0.0, lora_rank=0, max_kl=1e9)
    learner = Learner(model, config, tokenizer.pad_token_id or 0)
    batch = _batch(tokens, learner)
    for step in cycle([1]):
        yield learner.update(batch, 1e-6, step)


def _batch(tokens: Tokens, learner: Learner) -> TokenBatch:
    count = len(tokens.prompts)
    texts = Sequences(tuple(map(tuple, tokens.prompts)), tuple(map(tuple, tokens.replies)))
    returns, old = torch.tensor(tokens.returns), learner.logprobs(texts)
    return TokenBatch(
        prompts=texts.prompts,
        replies=texts.replies,
        sequence_N=torch.arange(count),
        old_logprobs_NK=old,
        weights_NK=episode_mean_weights(torch.ones(old.shape), torch.arange(count)),
        advantages_N=(returns - returns.mean()) / returns.std(),
        episodes=count,
    )


def _theirs(tokens: Tokens) -> Iterator[None]:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore")
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = load_model(model_source("nano"))
    count, accumulated = len(tokens.prompts), len(tokens.prompts) // MICRO
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=lambda completions, **_: tokens.returns,
        train_dataset=Dataset.from_dict({"prompt": ["-"] * count}),
        rollout_func=_handed_over(tokens),
        args=GRPOConfig(
            output_dir=mkdtemp(),
            per_device_train_batch_size=MICRO,
            gradient_accumulation_steps=accumulated,
            num_generations=16,
            max_completion_length=REPLY,
            beta=0.0,
            learning_rate=1e-6,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.create_optimizer()
    batches = cycle(trainer.get_train_dataloader())
    model.train()
    trainer.current_gradient_accumulation_steps = accumulated
    while True:
        for _ in range(accumulated):
            trainer.training_step(model, next(batches), num_items_in_batch=None)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        trainer.state.global_step += 1
        yield


def _handed_over(tokens: Tokens) -> Any:
    def roll_out(prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        count = len(prompts)
        return {
            "prompt_ids": tokens.prompts[:count],
            "completion_ids": tokens.replies[:count],
            "logprobs": [[0.0] * REPLY] * count,
        }

    return roll_out
