"""The options of the objective and their gradients, token by token, against plain loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.training.msgrpo.entropy import EntropyTarget
from arena.training.msgrpo.loss import MOST_RATIO, Objective, token_mean_weights, weighted_loss

SEEDS = st.integers(0, 10**6)


def batch(seed, steps=6, tokens=4):
    generator = torch.Generator().manual_seed(seed)
    logprobs = (-2 * torch.rand((steps, tokens), generator=generator, dtype=torch.float64)).requires_grad_()
    noise = torch.randn((2, steps, tokens), generator=generator, dtype=torch.float64)
    old, reference = (logprobs.detach() + noise).clamp(max=0)
    lengths = torch.randint(1, tokens + 1, (steps,), generator=generator)
    weights = token_mean_weights((torch.arange(tokens) < lengths[:, None]).double())
    return logprobs, old, reference, weights, torch.randn(steps, generator=generator, dtype=torch.float64)


def tokens_of(weights):
    return [(n, k) for n, row in enumerate(weights.tolist()) for k, weight in enumerate(row) if weight]


@settings(max_examples=50)
@given(SEEDS, st.sampled_from([(0.2, 0.2), (0.05, 0.3)]))
def test_tv_drops_tokens_whose_probability_has_moved_too_far(seed, bounds):
    logprobs, old, _, weights, advantages = batch(seed)
    low, high = bounds
    objective = Objective(trust_region="tv", tv_low=low, tv_high=high)
    loss, stats = weighted_loss(logprobs, old, None, weights, advantages, objective)
    (gradient,) = torch.autograd.grad(loss, logprobs)
    expected, dropped = 0.0, 0.0
    for n, k in tokens_of(weights):
        moved = math.exp(logprobs[n, k].item()) - math.exp(old[n, k].item())
        outside = moved > high if advantages[n] > 0 else moved < -low
        ratio = min(math.exp((logprobs[n, k] - old[n, k]).item()), MOST_RATIO)
        slope = 0.0 if outside else ratio * float(advantages[n])
        assert float(gradient[n, k]) == pytest.approx(-float(weights[n, k]) * slope, abs=1e-12)
        expected -= float(weights[n, k]) * slope
        dropped += float(weights[n, k]) * outside
    assert float(loss) == pytest.approx(expected)
    assert float(stats["clip_fraction"]) == pytest.approx(dropped)


def test_tv_lets_a_rare_token_grow_where_the_clip_would_not():
    """From 1 % to 10 % the ratio is 10; the probability has moved by 9 points."""
    old = torch.tensor([[math.log(0.01)]])
    new = torch.tensor([[math.log(0.1)]], requires_grad=True)
    gradients = {}
    for kind in ("clip", "tv"):
        loss, _ = weighted_loss(new, old, None, torch.ones(1, 1), torch.ones(1), Objective(trust_region=kind))
        gradients[kind] = float(torch.autograd.grad(loss, new)[0])
    assert gradients["clip"] == 0
    assert gradients["tv"] == pytest.approx(-10, rel=1e-4)


@settings(max_examples=50)
@given(SEEDS)
def test_the_unbiased_penalty_is_weighed_by_the_ratio(seed):
    logprobs, old, reference, weights, _ = batch(seed)
    loss, stats = weighted_loss(
        logprobs, old, reference, weights, torch.zeros(6), Objective(beta=0.3, unbiased_kl=True)
    )
    expected, plain = 0.0, 0.0
    for n, k in tokens_of(weights):
        log_ratio = float(reference[n, k] - logprobs[n, k])
        k3 = math.exp(log_ratio) - log_ratio - 1
        expected += float(weights[n, k]) * 0.3 * math.exp((logprobs[n, k] - old[n, k]).item()) * k3
        plain += float(weights[n, k]) * k3
    assert float(loss) == pytest.approx(expected)
    assert float(stats["ref_kl"]) == pytest.approx(plain)


def everything(distribution_logits, old_logits):
    """Each of V tokens as a step of its own, weighed by how often π_old draws it: expectations are exact."""
    logprobs = torch.log_softmax(distribution_logits, 0)
    old = torch.log_softmax(old_logits, 0)
    return logprobs[:, None], old[:, None], old.exp()[:, None]


def logits(seed, size=5):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SEEDS)
def test_in_expectation_its_gradient_is_the_kls_off_policy_and_k3s_is_not(seed):
    theta, reference = logits(seed).requires_grad_(), torch.log_softmax(logits(seed + 1), 0)
    logprobs, old, weights = everything(theta, logits(seed + 2))
    divergence = (logprobs.exp().squeeze(1) * (logprobs.squeeze(1) - reference)).sum()
    (wanted,) = torch.autograd.grad(divergence, theta, retain_graph=True)
    found = {}
    for unbiased in (True, False):
        loss, _ = weighted_loss(
            logprobs,
            old,
            reference[:, None],
            weights,
            torch.zeros(5, dtype=torch.float64),
            Objective(beta=1.0, unbiased_kl=unbiased),
        )
        (found[unbiased],) = torch.autograd.grad(loss, theta, retain_graph=True)
    assert torch.allclose(found[True], wanted, atol=1e-9)
    assert not torch.allclose(found[False], wanted, atol=1e-3)


@given(SEEDS)
def test_in_expectation_the_bonus_has_the_gradient_of_the_entropy(seed):
    theta = logits(seed).requires_grad_()
    logprobs, old, weights = everything(theta, logits(seed + 2))
    entropy = -(logprobs.exp() * logprobs).sum()
    (wanted,) = torch.autograd.grad(entropy, theta, retain_graph=True)
    loss, _ = weighted_loss(
        logprobs,
        old,
        None,
        weights,
        torch.zeros(5, dtype=torch.float64),
        Objective(entropy=0.7),
        entropy.detach().expand(5, 1),
    )
    (found,) = torch.autograd.grad(loss, theta)
    assert torch.allclose(-found, 0.7 * wanted, atol=1e-9)


def test_a_bonus_needs_the_entropies():
    logprobs, old, _, weights, advantages = batch(0)
    with pytest.raises(ValueError, match="entropies"):
        weighted_loss(logprobs, old, None, weights, advantages, Objective(entropy=0.1))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12))
def test_the_entropys_weight_follows_the_rule(entropies):
    state = EntropyTarget(target=0.5, step=0.1)
    weight, last = 0.0, None
    for entropy in entropies:
        assert state.coefficient == pytest.approx(weight if last is not None and last <= 0.5 else 0.0)
        state = state.after(entropy)
        if entropy is not None:
            weight, last = max(0.0, weight + (0.1 if entropy < 0.5 else -0.1)), entropy
    rows = [{"step": step, "entropy": entropy} for step, entropy in enumerate(entropies)]
    assert EntropyTarget(target=0.5, step=0.1).replayed(rows) == state
