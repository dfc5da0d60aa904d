"""An engine draws from a little another policy: its tokens are weighed by how much they differ."""

import json
import math
import random

import pytest
import torch

from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import token_mean_weights
from arena.training.msgrpo.mismatch import masked_share, with_trainer_logprobs
from arena.training.start import train


def token_batch(draw):
    """Eight steps over five sequences, replies of one to four tokens, what the engine said of them."""
    lengths = [draw.randint(1, 4) for _ in range(5)]
    sequence = [draw.randrange(5) for _ in range(8)]
    longest = max(lengths)
    mask = torch.tensor([[float(k < lengths[s]) for k in range(longest)] for s in sequence])
    return TokenBatch(
        prompts=tuple(tuple(draw.randrange(2, 64) for _ in range(6)) for _ in range(5)),
        replies=tuple(tuple(draw.randrange(2, 64) for _ in range(length)) for length in lengths),
        sequence_N=torch.tensor(sequence),
        old_logprobs_NK=torch.tensor([[-draw.random() * 3 for _ in range(longest)] for _ in sequence]) * mask,
        weights_NK=token_mean_weights(mask),
        advantages_N=torch.tensor([draw.gauss(0, 1) for _ in sequence]),
        episodes=3,
    ), lengths


def test_mismatch_weights_against_a_naive_loop():
    draw = random.Random(1)
    batch, lengths = token_batch(draw)
    trainer_UK = torch.tensor([[-draw.random() * 3 for _ in range(4)] for _ in range(5)])
    weighed, mismatch = with_trainer_logprobs(batch, trainer_UK, cap=2.0)
    apart, capped = [], 0
    for n, sequence in enumerate(batch.sequence_N.tolist()):
        for k in range(lengths[sequence]):
            trainer, engine = float(trainer_UK[sequence, k]), float(batch.old_logprobs_NK[n, k])
            weight = math.exp(trainer - engine)
            capped += weight > 2.0
            assert weighed.importance_NK[n, k].item() == pytest.approx(min(weight, 2.0), rel=1e-5)
            assert weighed.loss_weights_NK[n, k].item() == pytest.approx(
                float(batch.weights_NK[n, k]) * min(weight, 2.0), rel=1e-5
            )
            assert weighed.old_logprobs_NK[n, k].item() == pytest.approx(trainer)
            apart.append(abs(trainer - engine))
    assert capped > 0
    assert mismatch == pytest.approx(sum(apart) / len(apart), rel=1e-5)
    assert (weighed.loss_weights_NK[batch.weights_NK == 0] == 0).all()


@pytest.mark.parametrize("how", ["mask_tokens", "mask_replies"])
def test_what_differs_too_much_is_masked_against_a_naive_loop(how):
    batch, lengths = token_batch(random.Random(3))
    trainer_UK = torch.tensor(
        [[-random.Random(4 + 4 * u + k).random() * 2 for k in range(4)] for u in range(5)]
    )
    weighed, _ = with_trainer_logprobs(batch, trainer_UK, 2.0, floor=0.5, how=how)
    masked = kept = 0
    for n, sequence in enumerate(batch.sequence_N.tolist()):
        apart = [
            float(trainer_UK[sequence, k] - batch.old_logprobs_NK[n, k]) for k in range(lengths[sequence])
        ]
        for k, own in enumerate(apart):
            weight = math.exp(own if how == "mask_tokens" else sum(apart))
            expected = weight if 0.5 <= weight <= 2.0 else 0.0
            assert weighed.importance_NK[n, k].item() == pytest.approx(expected, rel=1e-5)
            masked, kept = masked + (expected == 0), kept + (expected > 0)
    assert masked > 0
    assert kept > 0
    assert masked_share(weighed) == pytest.approx(masked / (masked + kept))
    assert masked_share(batch) is None


def test_the_gradient_is_weighed_and_the_ratio_is_the_trainers(tiny_model, msgrpo_config):
    """At π_θ = π_trainer,old it is Σ w · min(π_trainer/π_engine, C) · A · ∇log π, token by token."""
    batch, lengths = token_batch(random.Random(2))
    learner = Learner(tiny_model, msgrpo_config(max_grad_norm=1e9), 0)
    trainer_UK = learner.logprobs(batch)
    weighed, _ = with_trainer_logprobs(batch, trainer_UK, cap=2.0)
    loss = torch.zeros(())
    for n, sequence in enumerate(batch.sequence_N.tolist()):
        prompt, reply = batch.prompts[sequence], batch.replies[sequence]
        logits = tiny_model(input_ids=torch.tensor([[*prompt, *reply]])).logits[0, len(prompt) - 1 : -1]
        logprobs = torch.log_softmax(logits, -1)[range(len(reply)), list(reply)]
        for k in range(lengths[sequence]):
            weight = min(math.exp(logprobs[k].item() - float(batch.old_logprobs_NK[n, k])), 2.0)
            loss = loss - batch.weights_NK[n, k] * weight * batch.advantages_N[n] * logprobs[k]
    expected = torch.autograd.grad(loss, list(learner.trained.parameters.values()))
    learner._step(weighed, list(range(5)))
    for (name, parameter), wanted in zip(learner.trained.parameters.items(), expected, strict=True):
        assert torch.allclose(parameter.grad, wanted, atol=1e-6), name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_half_precision_the_trainers_own_engine_is_weighed_too(tmp_path, dtype):
    settings = [f"dtype={dtype}", "lora_rank=4", "groups=1", "eval_episodes=2"]
    run = train(game="snake", agent="nano", out=tmp_path, steps=1, settings=settings)
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert row["grad_norm"] is not None
    if dtype == "float32":
        assert row["engine_mismatch"] is None
    else:
        assert 0 < row["engine_mismatch"] < 0.05
