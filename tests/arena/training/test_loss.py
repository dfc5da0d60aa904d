"""The MS-GRPO loss and its gradient against a plain per-token loop of eq. (1)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.training.msgrpo.loss import msgrpo_loss, token_mean_weights


def naive_loss(logprobs, old, reference, mask, advantages, episodes, low, high, beta):
    """Eq. (1), token by token: mean over tokens, then steps, then episodes."""
    by_episode = {}
    for n, episode in enumerate(episodes):
        tokens = []
        for k in range(len(mask[n])):
            if mask[n][k]:
                ratio = torch.exp(logprobs[n][k] - old[n][k])
                clipped = torch.clamp(ratio, 1 - low, 1 + high)
                term = torch.minimum(ratio * advantages[n], clipped * advantages[n])
                if beta:
                    log_ratio = reference[n][k] - logprobs[n][k]
                    term = term - beta * (torch.exp(log_ratio) - log_ratio - 1)
                tokens.append(term)
        by_episode.setdefault(int(episode), []).append(sum(tokens) / len(tokens))
    means = [sum(steps) / len(steps) for steps in by_episode.values()]
    return -sum(means) / len(means)


def random_batch(seed, steps=7, tokens=5):
    generator = torch.Generator().manual_seed(seed)
    shape = (steps, tokens)
    logprobs = (-3 * torch.rand(shape, generator=generator, dtype=torch.float64)).requires_grad_()
    old = logprobs.detach() + 0.4 * torch.randn(shape, generator=generator, dtype=torch.float64)
    reference = logprobs.detach() + 0.4 * torch.randn(shape, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, tokens + 1, (steps,), generator=generator)
    mask = (torch.arange(tokens) < lengths[:, None]).double()
    advantages = torch.randn(steps, generator=generator, dtype=torch.float64)
    episodes = torch.randint(0, 3, (steps,), generator=generator) * 10
    return logprobs, old, reference, mask, advantages, episodes


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 1.0]), st.sampled_from([(0.2, 0.2), (0.1, 0.4)]))
def test_loss_and_gradient_match_the_plain_loop(seed, beta, clip):
    logprobs, old, reference, mask, advantages, episodes = random_batch(seed)
    low, high = clip
    loss, _ = msgrpo_loss(
        logprobs, old, reference, mask, advantages, episodes, clip_low=low, clip_high=high, beta=beta
    )
    (gradient,) = torch.autograd.grad(loss, logprobs)
    expected = naive_loss(logprobs, old, reference, mask, advantages, episodes, low, high, beta)
    (expected_gradient,) = torch.autograd.grad(expected, logprobs)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
    assert torch.allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-12)


def test_on_policy_gradient_is_the_weighted_policy_gradient():
    logprobs, _, _, mask, advantages, episodes = random_batch(0)
    loss, stats = msgrpo_loss(logprobs, logprobs.detach(), None, mask, advantages, episodes)
    (gradient,) = torch.autograd.grad(loss, logprobs)
    counts = torch.bincount(episodes)[episodes]
    weights = mask / mask.sum(1, keepdim=True) / counts[:, None] / len(set(episodes.tolist()))
    assert torch.allclose(gradient, -weights * advantages[:, None])
    assert stats["kl"].item() == 0.0
    assert stats["clip_fraction"].item() == 0.0


def test_a_long_episode_weighs_no_more_than_a_short_one():
    logprobs = torch.zeros(5, 1, requires_grad=True)
    episodes = torch.tensor([0, 0, 0, 0, 1])
    loss, _ = msgrpo_loss(logprobs, torch.zeros(5, 1), None, torch.ones(5, 1), torch.ones(5), episodes)
    (gradient,) = torch.autograd.grad(loss, logprobs)
    assert gradient.squeeze(1).tolist() == pytest.approx([-0.125] * 4 + [-0.5])


def test_clipping_stops_the_gradient_only_on_the_side_that_gains():
    old = torch.zeros(4, 1)
    logprobs = torch.tensor([[0.5], [-0.5], [0.5], [-0.5]], requires_grad=True)
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    loss, stats = msgrpo_loss(logprobs, old, None, torch.ones(4, 1), advantages, torch.arange(4))
    (gradient,) = torch.autograd.grad(loss, logprobs)
    assert (gradient.squeeze(1) != 0).tolist() == [False, True, True, False]
    assert stats["clip_fraction"].item() == 1.0


def test_what_stands_beyond_a_reply_does_not_matter():
    logprobs, old, reference, mask, advantages, episodes = random_batch(5)
    loss, _ = msgrpo_loss(logprobs, old, reference, mask, advantages, episodes, beta=0.1)
    spoilt = torch.where(mask > 0, logprobs.detach(), -math.inf)
    again, _ = msgrpo_loss(spoilt, old, reference, mask, advantages, episodes, beta=0.1)
    assert again.item() == pytest.approx(loss.item())


def test_a_penalty_needs_a_reference():
    logprobs, old, _, mask, advantages, episodes = random_batch(1)
    with pytest.raises(ValueError, match="reference"):
        msgrpo_loss(logprobs, old, None, mask, advantages, episodes, beta=0.1)


def test_token_mean_weighs_all_tokens_alike():
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    assert token_mean_weights(mask).tolist() == [[0.25] * 3, [0.25, 0.0, 0.0]]
