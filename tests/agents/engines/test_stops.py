"""Replies end at their stop strings, however a vocabulary spells them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from arena_agents.base import Sampling
from arena_agents.engines.stops import byte_characters
from arena_agents.engines.transformers import TransformersEngine

MERGED = ["→ ", "ab", "</action>", "é\n", "。"]


def byte_level() -> Tokenizer:
    """Every byte, and some strings of several: after GPT-2, a token is spelled by its bytes' characters."""
    spelled = ["".join(byte_characters()[byte] for byte in text.encode()) for text in MERGED]
    vocabulary = {token: i for i, token in enumerate([*pre_tokenizers.ByteLevel.alphabet(), *spelled])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.decoder = decoders.ByteLevel()
    return made


def by_number() -> Tokenizer:
    """Bytes by number, and some characters; a space is spelled as in SentencePiece."""
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] + ["▁", "a", "b", "▁a", "→", "</action>"]
    made = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[]))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]  # type: ignore[list-item]
    )
    return made


def engine_of(tokenizer: Tokenizer) -> TransformersEngine:
    size = tokenizer.get_vocab_size()
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=size, num_key_value_heads=1, **shape)).eval()
    return TransformersEngine(model, PreTrainedTokenizerFast(tokenizer_object=tokenizer))


@pytest.fixture(scope="module")
def engines() -> dict[str, TransformersEngine]:
    return {"bytes": engine_of(byte_level()), "numbers": engine_of(by_number())}


def end(engine: TransformersEngine, tokens: list[int], stop: str) -> int | None:
    """How many tokens a reply has that is drawn as these."""
    sampling = Sampling(stop=(stop,), max_new_tokens=10_000)
    return next((k for k in range(1, len(tokens) + 1) if engine._ended(tokens[:k], sampling)), None)


def plainly(engine: TransformersEngine, tokens: list[int], stop: str) -> int | None:
    """The same, looking at all of the text after each token."""
    texts = ((k, engine.tokenizer.decode(tokens[:k])) for k in range(1, len(tokens) + 1))
    return next((k for k, text in texts if stop in text), None)


@pytest.mark.parametrize("kind", ["bytes", "numbers"])
@pytest.mark.parametrize("stop", ["→", "é", "。", "\n", " ", "a ", "</action>", "b→", "\n\n"])
def test_it_stops_where_the_whole_text_first_holds_it(
    engines: dict[str, TransformersEngine], kind: str, stop: str
) -> None:
    engine = engines[kind]
    vocabulary = engine.tokenizer.get_vocab()
    spelled = byte_characters() if kind == "bytes" else [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = [vocabulary[spelled[byte]] for byte in f"ab é{stop}x".encode()]
    wanted = plainly(engine, tokens, stop)
    assert wanted is not None
    assert end(engine, tokens, stop) == wanted


@settings(max_examples=200)
@given(data=st.data(), stop=st.text("ab→é。\n </action>", min_size=1, max_size=4))
@pytest.mark.parametrize("kind", ["bytes", "numbers"])
def test_whatever_is_drawn(
    engines: dict[str, TransformersEngine], kind: str, data: st.DataObject, stop: str
) -> None:
    engine = engines[kind]
    known = sorted(engine.tokenizer.get_vocab().values())
    likely = [i for i in known if engine.tokenizer.decode([i]).strip("\ufffd") or i < 256]
    tokens = data.draw(st.lists(st.sampled_from(likely), max_size=30))
    assert end(engine, tokens, stop) == plainly(engine, tokens, stop)


def test_a_model_is_in_training_again_after_an_error(engines: dict[str, TransformersEngine]) -> None:
    engine = engines["bytes"]
    engine.model.train()
    for ask in (
        lambda: engine.generate([(10**6,)], Sampling(), [0]),
        lambda: engine.choose([(10**6,)], [[(1,), (2,)]], Sampling(), [0]),
    ):
        with pytest.raises((IndexError, RuntimeError)), torch.no_grad():
            ask()
        assert engine.model.training
