"""Attention that is computed plainly says what torch's kernel says, and so does its gradient."""

import threading

import pytest
import torch
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from arena_agents.causal_lm.attention import grouped, plain_attention, plain_for_gradients
from arena_agents.causal_lm.load import load_model
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.causal_lm.precision import in_model_precision
from arena_agents.causal_lm.prove import with_adapter
from arena_agents.nano import MODEL_DIR

PROMPTS = [[1, 7, 20, 33, 5, 9, 14, 8, 40, 41], [1, 7, 20, 33, 5, 9, 14, 8, 52]]
REPLIES = [[12, 13, 14], [12, 15]]


@pytest.mark.parametrize("boolean", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_plain_attention_is_attention(boolean, groups):
    torch.manual_seed(0)
    query = torch.randn(2, 6, 5, 8, dtype=torch.float64, requires_grad=True)
    key, value = (torch.randn(2, groups, 9, 8, dtype=torch.float64, requires_grad=True) for _ in range(2))
    seen = torch.rand(2, 1, 5, 9) > 0.4
    seen[..., 0] = True
    mask = seen if boolean else torch.zeros(2, 1, 5, 9).double().masked_fill(~seen, -torch.inf)
    wide = [part.repeat_interleave(6 // groups, dim=1) for part in (key, value)]
    expected = functional.scaled_dot_product_attention(query, *wide, attn_mask=mask, scale=0.3)
    found = plain_attention(query, key, value, mask, 0.3)
    torch.testing.assert_close(found, expected.transpose(1, 2))
    weights = torch.randn(found.shape, dtype=torch.float64)
    wanted = torch.autograd.grad((expected.transpose(1, 2) * weights).sum(), (query, key, value))
    got = torch.autograd.grad((found * weights).sum(), (query, key, value))
    torch.testing.assert_close(got, wanted)


def adapted(dtype):
    model, _ = load_model(str(MODEL_DIR), dtype=dtype, device=torch.device("cpu"))
    return with_adapter(model)


def gradients(model, **options):
    logprobs, _ = read_replies(model, PROMPTS, REPLIES, **options)
    model.zero_grad()
    (-logprobs.sum() / 5).backward()
    return logprobs.detach(), {n: p.grad for n, p in model.named_parameters() if p.requires_grad}


def test_an_adapter_on_a_model_in_bfloat16_learns_what_it_learns_in_float32():
    exact, wanted = gradients(adapted("float32"))
    model = adapted("bfloat16")
    rounded, found = gradients(model)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    torch.testing.assert_close(rounded, exact, atol=0.1, rtol=0.05)
    a, b = (torch.cat([g.flatten() for g in of.values()]) for of in (found, wanted))
    assert functional.cosine_similarity(a, b, dim=0) > 0.99


def test_what_is_computed_again_for_the_gradient_is_computed_as_it_was():
    _, wanted = gradients(adapted("bfloat16"))
    _, found = gradients(adapted("bfloat16"), recompute=True)
    torch.testing.assert_close(found, wanted)


def test_only_half_precision_is_computed_otherwise(monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr("arena_agents.causal_lm.attention.plain_attention", never)
    gradients(adapted("float32"))
    with torch.no_grad():
        read_replies(adapted("bfloat16"), PROMPTS, REPLIES)
    with pytest.raises(AssertionError):
        gradients(adapted("bfloat16"))


def test_precision_is_as_before_afterwards():
    with in_model_precision(adapted("bfloat16")):
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("way", [grouped, plain_for_gradients])
def test_another_thread_s_attention_is_its_own_and_none_stays(way, monkeypatch):
    """One that was given up on leaves its block some time, while another thread is in one of its own."""

    def attend():
        tensors = [torch.ones(1, 2, 1, 4, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
        ALL_ATTENTION_FUNCTIONS["sdpa"](torch.nn.Identity(), *tensors, torch.zeros(1, 1, 1, 1).bfloat16())

    def other(*_):
        raise AssertionError("not the kernel's")

    for name in ("grouped_attention", "plain_attention"):
        monkeypatch.setattr(f"arena_agents.causal_lm.attention.{name}", other)
    within, leave = threading.Event(), threading.Event()

    def stay():
        with way():
            within.set()
            leave.wait(120)

    thread = threading.Thread(target=stay)
    thread.start()
    assert within.wait(120)
    attend()
    with way():
        leave.set()
        thread.join()
        with pytest.raises(AssertionError, match="not the kernel's"):
            attend()
    attend()
