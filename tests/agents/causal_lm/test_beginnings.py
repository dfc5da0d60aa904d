"""What texts began with is read once, as long as the weights stay, and changes nothing of what is drawn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena_agents.base import Sampling
from arena_agents.causal_lm.beginnings import BLOCK, Beginnings, fingerprint
from arena_agents.causal_lm.forward import prefill
from arena_agents.engines.transformers import TransformersEngine

GREEDY = Sampling(0.0, max_new_tokens=3, stop=())
RANDOM = Sampling(1.0, max_new_tokens=3, stop=())
HEAD = [3 + i % 40 for i in range(5 * BLOCK + 3)]


class Tokenizer:
    """No text, no end."""

    eos_token_id = None


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=64,
            initializer_range=0.3,
        )
        return Qwen2ForCausalLM(config).eval()


def prompts(count, first=0):
    return [
        [*HEAD, *(5 + (n * k) % 30 for k in range(1, 4 + n % 7)), 3 + n] for n in range(first, first + count)
    ]


def tokens_read(model, monkeypatch):
    """Counts the tokens that the model computes."""
    seen = []
    plain = model.forward
    monkeypatch.setattr(
        model, "forward", lambda *a, **k: (seen.append(k["input_ids"].numel()), plain(*a, **k))[1]
    )
    return seen


def alone(model, sampling, texts, seeds):
    """Each text by an engine of its own, that has kept nothing."""
    return [
        TransformersEngine(model, Tokenizer()).generate([t], sampling, [s])[0]
        for t, s in zip(texts, seeds, strict=True)
    ]


@pytest.mark.parametrize("sampling", [GREEDY, RANDOM])
def test_what_is_kept_changes_nothing_of_what_is_drawn(model, sampling):
    engine = TransformersEngine(model, Tokenizer())
    for first in (0, 4, 2):  # new prompts, and some again
        texts, seeds = prompts(6, first), range(first, first + 6)
        for one, other in zip(
            engine.generate(texts, sampling, seeds), alone(model, sampling, texts, seeds), strict=True
        ):
            assert one.token_ids == other.token_ids
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def test_a_common_beginning_is_read_once(model, monkeypatch):
    engine = TransformersEngine(model, Tokenizer())
    engine.generate(prompts(4), GREEDY, range(4))
    seen = tokens_read(model, monkeypatch)
    engine.generate(prompts(4, first=10), GREEDY, range(4))
    assert seen[0] < 4 * (len(prompts(4, first=10)[-1]) - len(HEAD) + BLOCK + 7)
    assert seen[1:] == [4, 4]  # then a token each


def test_a_text_that_goes_on_is_read_from_where_it_ended(model, monkeypatch):
    engine = TransformersEngine(model, Tokenizer())
    engine.generate([HEAD], GREEDY, [0])
    seen = tokens_read(model, monkeypatch)
    engine.generate([HEAD * 2], GREEDY, [0])
    assert seen[0] == 2 * len(HEAD) - len(HEAD) // BLOCK * BLOCK


def test_choices_are_weighed_from_what_is_kept(model, monkeypatch):
    engine, choices = TransformersEngine(model, Tokenizer()), [[(5, 6, 7), (5, 8, 9), (9,)]] * 4
    for first in (0, 2):
        texts = prompts(4, first)
        found = engine.choose(texts, choices, RANDOM, range(4))
        for n, one in enumerate(found):
            other = TransformersEngine(model, Tokenizer()).choose([texts[n]], choices[:1], RANDOM, [n])[0]
            assert one.token_ids == other.token_ids
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    seen = tokens_read(engine.model.model, monkeypatch)
    engine.choose(prompts(4, first=10), choices, RANDOM, range(4))
    assert sum(seen) < 4 * (len(prompts(4, first=10)[-1]) - len(HEAD) + BLOCK + 7 + 4)


def write(model):
    with torch.no_grad():
        model.lm_head.weight.add_(0.1)


def write_unseen(model):
    model.model.layers[0].mlp.up_proj.weight.data.mul_(1.5)


def step(model):
    model(input_ids=torch.tensor([HEAD]), labels=torch.tensor([HEAD])).loss.backward()
    torch.optim.AdamW(model.parameters(), lr=0.05, fused=True).step()
    model.zero_grad()


@pytest.mark.parametrize("change", [write, write_unseen, step])
def test_changed_weights_are_noticed(model, change):
    engine = TransformersEngine(model, Tokenizer())
    engine.generate(prompts(4), RANDOM, range(4))
    change(model)
    drawn = engine.generate(prompts(4), RANDOM, range(4))
    for one, other in zip(drawn, alone(model, RANDOM, prompts(4), range(4)), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


def test_another_adapter_is_another_model(model):
    adapted = get_peft_model(
        model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    ).eval()
    engine = TransformersEngine(adapted, Tokenizer())
    on = engine.generate(prompts(4), RANDOM, range(4))
    with adapted.disable_adapter():
        off = engine.generate(prompts(4), RANDOM, range(4))
    assert [s.logprobs for s in off] != [s.logprobs for s in on]
    again = engine.generate(prompts(4), RANDOM, range(4))
    assert [s.token_ids for s in again] == [s.token_ids for s in on]


def test_weights_that_stay_have_one_fingerprint(model):
    before = fingerprint(model)
    TransformersEngine(model, Tokenizer()).generate(prompts(2), RANDOM, range(2))
    assert fingerprint(model) == before


@pytest.mark.parametrize("forget", ["sleep", "close"])
def test_memory_is_given_back(model, forget):
    engine = TransformersEngine(model, Tokenizer())
    engine.generate(prompts(2), GREEDY, range(2))
    assert engine.beginnings._layers
    getattr(engine, forget)()
    assert not engine.beginnings._layers


TEXTS = st.lists(st.lists(st.integers(3, 5), min_size=1, max_size=5 * BLOCK), min_size=1, max_size=5)


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(TEXTS, min_size=1, max_size=5), blocks=st.integers(0, 12), level=st.booleans())
def test_any_texts_in_little_room(batches, blocks, level):
    """Blocks of few tokens that recur, and are forgotten all the time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=8,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=8,
            initializer_range=0.5,
        )
        model = Qwen2ForCausalLM(config).eval()
    block = BLOCK * 2 * 2 * 4 * 4  # keys and values of two layers, a head of 4 floats
    beginnings = Beginnings(blocks * block, level=level)
    with torch.inference_mode():
        for batch in batches:
            texts = sorted({tuple(text) for text in batch})
            found = prefill(model, texts, keep=1, beginnings=beginnings)
            for text, logits_LV in zip(texts, found.logits_NLV, strict=True):
                plain = model(input_ids=torch.tensor([text])).logits[0, -1]
                assert torch.allclose(logits_LV[-1], plain, atol=1e-5)
            assert len(beginnings._slots) <= blocks
            assert len(set(beginnings._slots.values())) == len(beginnings._slots)
