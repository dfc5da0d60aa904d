"""The forward pass that shares prefixes equals the plain one, gradients included."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena_agents.causal_lm.forward import MIN_SHARED, prefill, reply_logits, shared_prefix, token_logprobs


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=50,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                intermediate_size=64,
            )
        ).double()


def rows(seed, shared, count=6):
    draw = random.Random(seed)
    head = [draw.randrange(2, 50) for _ in range(shared)]
    prompts = [head + [draw.randrange(2, 50) for _ in range(draw.randint(1, 9))] for _ in range(count)]
    replies = [[draw.randrange(2, 50) for _ in range(draw.randint(1, 4))] for _ in range(count)]
    return prompts, replies


def plain_logprobs(model, prompt, reply):
    logits = model(input_ids=torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(-1, torch.tensor(reply)[:, None]).squeeze(1)


@pytest.mark.parametrize("shared", [0, 3, 20])
def test_log_probabilities_and_gradients_equal_the_plain_pass(model, shared):
    prompts, replies = rows(shared, shared)
    logits, ids, mask = reply_logits(model, prompts, replies)
    logprobs = torch.log_softmax(logits, -1).gather(-1, ids[..., None]).squeeze(-1) * mask
    weights = torch.randn(logprobs.shape, generator=torch.Generator().manual_seed(1)).double()
    gradients = torch.autograd.grad((logprobs * weights).sum(), list(model.parameters()))
    expected = torch.zeros_like(logprobs)
    for n, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
        expected[n, : len(reply)] = plain_logprobs(model, prompt, reply)
    plain = torch.autograd.grad((expected * weights).sum(), list(model.parameters()))
    assert torch.allclose(logprobs, expected, atol=1e-10)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(gradients, plain, strict=True))


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=30), min_size=1, max_size=5))
def test_the_shared_prefix_is_shared_and_leaves_something(found):
    length = shared_prefix(found)
    assert all(row[:length] == found[0][:length] for row in found)
    assert length == 0 or length >= MIN_SHARED
    assert all(len(row) > length for row in found)


def test_equal_rows_are_read(model):
    logits = prefill(model, [[5] * 12, [5] * 12], keep=1).logits_NLV
    assert torch.allclose(logits[0], logits[1])


def test_token_logprobs_are_in_float32():
    logits = torch.zeros(1, 2, 4, dtype=torch.bfloat16)
    found = token_logprobs(logits, torch.tensor([[0, 3]]))
    assert found.dtype == torch.float32
    assert found.exp().flatten().tolist() == pytest.approx([0.25, 0.25])
