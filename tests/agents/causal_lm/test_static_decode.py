"""Decoding over a cache that stays where it is gives what decoding over one that grows gives."""

import gc
import weakref
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from arena_agents.base import Sampling
from arena_agents.causal_lm.attention import grouped_attention
from arena_agents.causal_lm.forward import prefill, select
from arena_agents.causal_lm.static_decode import GrowingRows, StaticDecoder
from arena_agents.engines.transformers import TransformersEngine

VOCABULARY = 64


class Words:
    """A tokenizer of which an engine asks nothing but its end token, and closing brackets."""

    eos_token_id = 3

    def get_vocab(self):
        return {f"<{i}>": i for i in range(40, 44)} | {str(i): i for i in range(40)}

    def decode(self, ids):
        return "".join(f"<{i}>" for i in ids)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        initializer_range=0.4,
    )
    return LlamaForCausalLM(config).double().eval()  # rounding decides no token


def prompts(count, generator=0):
    draw = torch.Generator().manual_seed(generator)
    lengths = torch.randint(5, 30, (count,), generator=draw).tolist()
    shared = list(range(10, 20))
    return [(*shared, *torch.randint(4, VOCABULARY, (n,), generator=draw).tolist()) for n in lengths]


def assert_same(found, expected):
    """Up to rounding in the log-probabilities."""
    assert [s.token_ids for s in found] == [s.token_ids for s in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)


def engines(model):
    growing, static = (TransformersEngine(model, Words(), static=static) for static in (False, True))
    assert growing._static is None
    return growing, static


@pytest.mark.parametrize("length", [1, 2, 40])
def test_replies_are_the_same_token_by_token(model, length):
    growing, static = engines(model)
    asked = [prompt for prompt in prompts(23) for _ in range(2)]
    sampling = Sampling(max_new_tokens=length, stop=("<42>",))
    for seeds in (range(46), range(100, 146)):  # the second time in the buffers of the first
        found = static.generate(asked, sampling, seeds)
        assert_same(found, growing.generate(asked, sampling, seeds))
    if length == 40:  # they end one by one, so rows have moved to smaller buckets
        assert len({len(s.token_ids) for s in found}) > 10
        assert len(static._static._steps) > 1


def test_larger_batches_and_longer_prompts_find_room(model):
    growing, static = engines(model)
    sampling = Sampling(max_new_tokens=12, stop=())
    for count, more in ((3, 0), (40, 0), (5, 200), (2, 0)):
        asked = [(*range(4, 44), *(7 for _ in range(more)), *prompt) for prompt in prompts(count, count)]
        assert_same(*(engine.generate(asked, sampling, range(count)) for engine in (static, growing)))
    assert static._static._buffers.rows == 64
    assert static._static._buffers.room == 384


def test_weights_that_change_in_place_are_read_anew_and_moved_ones_too(model):
    growing, static = engines(model)
    asked, sampling = prompts(8), Sampling(max_new_tokens=8, stop=())
    static.generate(asked, sampling, range(8))
    steps = static._static._steps
    with torch.no_grad():
        model.lm_head.weight.mul_(-1)
    assert_same(*(engine.generate(asked, sampling, range(8)) for engine in (static, growing)))
    assert static._static._steps is steps
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().mul(-1))
    assert_same(*(engine.generate(asked, sampling, range(8)) for engine in (static, growing)))
    assert static._static._steps is not steps


def test_a_model_whose_logits_would_differ_is_decoded_as_ever(model, monkeypatch, caplog):
    growing, static = engines(model)
    asked, sampling = prompts(4), Sampling(max_new_tokens=6, stop=())
    real = StaticDecoder.step_of
    monkeypatch.setattr(StaticDecoder, "step_of", lambda self, rows: lambda: real(self, rows)() + 1)
    assert_same(*(engine.generate(asked, sampling, range(4)) for engine in (static, growing)))
    assert not static._static.works
    assert "static cache" in caplog.text

    def refuses(*_):
        raise TypeError("no")

    _, static = engines(model)
    monkeypatch.setattr(StaticDecoder, "step_of", refuses)
    assert_same(*(engine.generate(asked, sampling, range(4)) for engine in (static, growing)))


def test_rows_move_to_a_smaller_bucket(model):
    with torch.inference_mode():
        asked = prompts(16)
        decoder, ids_N = StaticDecoder(model, capture=False), torch.arange(16) + 20
        read = prefill(model, asked, keep=1)
        static = decoder.load(read, torch.arange(16), 8)
        growing = GrowingRows(model, select(prefill(model, asked, keep=1), torch.arange(16)))
        for kept in ([*range(16)], [1, 4, 9], [0, 2], [1]):
            for rows in (static, growing):
                rows.keep(torch.tensor(kept))
            ids_N = ids_N[kept]
            torch.testing.assert_close(static.step(ids_N), growing.step(ids_N), atol=1e-4, rtol=1e-4)
        assert sorted(decoder._steps) == [1, 4, 16]


def test_grouped_attention_is_attention_with_copied_keys():
    draw = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(4, h, t, 8, generator=draw) for h, t in ((6, 1), (2, 11), (2, 11)))
    bias = torch.where(torch.rand(4, 1, 1, 11, generator=draw) < 0.5, 0.0, torch.finfo(torch.float32).min)
    bias[..., 0] = 0
    copied = (tensor.repeat_interleave(3, dim=1) for tensor in (key, value))
    expected = functional.scaled_dot_product_attention(query, *copied, attn_mask=bias, scale=0.3)
    torch.testing.assert_close(grouped_attention(query, key, value, bias, 0.3), expected.transpose(1, 2))


def test_what_a_captured_step_reads_lives_as_long_as_its_graph(model, monkeypatch):
    """A CUDA graph holds addresses: what nobody else holds makes room for others, which it then reads."""
    stream = SimpleNamespace(wait_stream=lambda _: None)
    graph = SimpleNamespace(replay=lambda: None, pool=lambda: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda *_, **__: nullcontext())
    real, steps = StaticDecoder._graph, []

    def graph_of(self, step, *places):
        steps.append(weakref.ref(step))
        return real(self, step, *places)

    monkeypatch.setattr(StaticDecoder, "_graph", graph_of)
    decoder = StaticDecoder(model, capture=True)
    with torch.inference_mode():
        assert decoder.load(prefill(model, prompts(8), keep=1), torch.arange(8), 8)
    gc.collect()
    assert [step() is not None for step in steps] == [True]
    decoder.release()
    gc.collect()
    assert steps[0]() is None  # and no longer: it holds keys and values
