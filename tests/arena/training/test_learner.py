"""One update of the policy: the gradient is eq. (1)'s however the batch is cut, and can be undone."""

import random

import pytest
import torch

from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights, msgrpo_loss
from arena_agents.causal_lm.forward import reply_logits, token_logprobs


def make_batch(model, *, steps=12, noise=0.3):
    """Steps of three episodes over a few distinct sequences, π_old a little off π_θ."""
    draw = random.Random(0)
    prompts = tuple(tuple(draw.randrange(2, 64) for _ in range(draw.randint(4, 20))) for _ in range(5))
    replies = tuple(tuple(draw.randrange(2, 64) for _ in range(draw.randint(1, 4))) for _ in range(5))
    sequence_N = torch.tensor([draw.randrange(5) for _ in range(steps)])
    with torch.no_grad():
        logits, ids, mask = reply_logits(model, prompts, replies)
        logprobs_UK = token_logprobs(logits, ids)
    generator = torch.Generator().manual_seed(0)
    old = logprobs_UK[sequence_N] + noise * torch.randn(steps, ids.shape[1], generator=generator)
    episodes = torch.tensor([n % 3 for n in range(steps)])
    return TokenBatch(
        prompts=prompts,
        replies=replies,
        sequence_N=sequence_N,
        old_logprobs_NK=old,
        weights_NK=episode_mean_weights(mask[sequence_N], episodes),
        advantages_N=torch.randn(steps, generator=generator),
        episodes=3,
    ), episodes


def gradients(learner):
    return {name: p.grad.clone() for name, p in learner.trained.parameters.items()}


@pytest.mark.parametrize("micro_tokens", [1, 60, 100_000])
def test_the_gradient_is_that_of_the_whole_batch_at_once(tiny_model, msgrpo_config, micro_tokens):
    batch, episodes = make_batch(tiny_model)
    learner = Learner(tiny_model, msgrpo_config(micro_tokens=micro_tokens, max_grad_norm=1e9), 0)
    prompts = [batch.prompts[s] for s in batch.sequence_N]
    replies = [batch.replies[s] for s in batch.sequence_N]
    logits, ids, mask = reply_logits(tiny_model, prompts, replies)
    loss, _ = msgrpo_loss(
        token_logprobs(logits, ids), batch.old_logprobs_NK, None, mask, batch.advantages_N, episodes
    )
    expected = torch.autograd.grad(loss, list(learner.trained.parameters.values()))
    learner._step(batch, list(range(5)))
    for found, wanted in zip(gradients(learner).values(), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)


def test_an_update_raises_what_was_good_and_lowers_what_was_bad(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model, noise=0.0)
    good = batch.advantages_N > 0
    learner = Learner(tiny_model, msgrpo_config(learning_rate=1e-3), 0)

    def gain():
        with torch.no_grad():
            logits, ids, mask = reply_logits(tiny_model, batch.prompts, batch.replies)
            now = (token_logprobs(logits, ids) * mask)[batch.sequence_N]
        change = ((now - batch.old_logprobs_NK) * batch.weights_NK).sum(1)
        return float((change * batch.advantages_N).sum())

    assert good.any()
    assert not good.all()
    stats = learner.update(batch, 1e-3, step=1)
    assert stats is not None
    assert gain() > 0
    assert stats["kl"] > 0


def test_an_update_that_is_not_finite_leaves_no_trace(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model)
    learner = Learner(tiny_model, msgrpo_config(), 0)
    assert learner.update(batch, 1e-3, step=1) is not None
    before = learner.trained.snapshot()
    batch.advantages_N[3] = float("nan")
    assert learner.update(batch, 1e-3, step=2) is None
    after = learner.trained.snapshot()
    assert all(torch.equal(after.weights[name], before.weights[name]) for name in before.weights)
    assert str(after.optimizer["state"]) == str(before.optimizer["state"])


def test_an_update_that_moves_too_far_is_undone(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model, noise=0.0)
    learner = Learner(tiny_model, msgrpo_config(max_kl=1e-4), 0)
    before = learner.trained.snapshot()
    assert learner.update(batch, 0.5, step=1) is None
    assert all(torch.equal(p, before.weights[name]) for name, p in learner.trained.parameters.items())


def test_with_lora_the_reference_is_the_adapter_switched_off(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model, noise=0.0)
    base = batch.old_logprobs_NK.clone()
    learner = Learner(tiny_model, msgrpo_config(lora_rank=4, beta=0.1), 0)
    assert all("lora" in name for name in learner.trained.parameters)
    for step in (1, 2):
        assert learner.update(batch, 1e-2, step) is not None
    reference = learner._reference(batch, list(range(5)))[batch.sequence_N]
    assert torch.allclose(reference * (batch.weights_NK > 0), base * (batch.weights_NK > 0), atol=1e-5)


def test_with_all_weights_the_reference_is_a_frozen_copy(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model, noise=0.0)
    base = batch.old_logprobs_NK.clone()
    learner = Learner(tiny_model, msgrpo_config(beta=0.1), 0)
    learner.update(batch, 1e-2, step=1)
    reference = learner._reference(batch, list(range(5)))[batch.sequence_N]
    assert torch.allclose(reference * (batch.weights_NK > 0), base * (batch.weights_NK > 0), atol=1e-5)


def test_minibatches_cover_the_batch_and_repeat_under_a_seed(tiny_model, msgrpo_config):
    batch, _ = make_batch(tiny_model)
    learner = Learner(tiny_model, msgrpo_config(minibatches=3, epochs=2), 0)
    start = learner.trained.snapshot()
    first = learner.update(batch, 1e-3, step=4)
    weights = learner.trained.snapshot().weights
    learner.trained.restore(start)
    again = learner.update(batch, 1e-3, step=4)
    assert first == again
    assert all(torch.equal(p, weights[name]) for name, p in learner.trained.parameters.items())
