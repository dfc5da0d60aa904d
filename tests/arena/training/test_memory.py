"""The memory estimate: its parts add up, it moves the right way, and it is near what is measured."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, GemmaConfig, LlamaConfig, Qwen2Config

from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO
from arena.training.memory import estimate as memory
from arena.training.memory import fit
from arena.training.memory.estimate import GIB, QWEN_3B, estimate, model_shape, recomputes, weights_dtype
from arena.training.memory.fit import Available, cheaper, refuse_unless_it_fits
from arena_agents.causal_lm import logprobs as replies
from arena_agents.causal_lm.load import load_model
from arena_agents.nano import MODEL_DIR
from arena_games.base import UsageError
from tests.arena.training import peak_memory

DEVICES = ("cuda", "cpu")


def config(**settings):
    return MsgrpoConfig(**{"game": "snake", "agent": "qwen3b", **settings})


def test_the_built_in_shape_is_that_of_the_3b_model():
    described = Qwen2Config(
        vocab_size=151_936,
        hidden_size=2048,
        num_hidden_layers=36,
        num_attention_heads=16,
        num_key_value_heads=2,
        intermediate_size=11_008,
        tie_word_embeddings=True,
    )
    assert model_shape(described) == QWEN_3B


def test_a_shape_counts_what_the_model_and_its_adapter_hold():
    from arena.training.msgrpo.learner import Learner

    shape = model_shape(AutoConfig.from_pretrained(MODEL_DIR))
    model, _ = load_model(str(MODEL_DIR))
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    learner = Learner(model, config(lora_rank=8), 0)
    assert 8 * shape.adapter_width == sum(p.numel() for p in learner.trained.parameters.values())


@pytest.mark.parametrize("described", [LlamaConfig(num_hidden_layers=2), GemmaConfig(num_hidden_layers=2)])
def test_other_families_have_a_shape(described):
    shape = model_shape(described)
    assert shape.layers == 2
    assert shape.attention == 4096
    assert shape.parameters > shape.vocabulary * shape.hidden


def test_a_chunk_of_logits_is_the_learners():
    assert replies.CHUNK_LOGITS == memory.CHUNK_LOGITS


def test_auto_chooses_by_device_and_size():
    assert weights_dtype(config(), "cuda") == "bfloat16"
    assert weights_dtype(config(lora_rank=0), "cuda") == "float32"
    assert weights_dtype(config(), "cpu") == "float32"
    assert weights_dtype(config(dtype="bfloat16"), "cpu") == "bfloat16"
    assert [recomputes(config(), parameters) for parameters in (10**8, 3 * 10**9)] == [False, True]
    assert recomputes(config(gradient_checkpointing="on"), 10)
    assert not recomputes(config(gradient_checkpointing="off"), 3 * 10**9)


def test_figures_of_the_3b_shape():
    """Weights in bfloat16 are twice the parameters; an adapter's Adam is 8 bytes a number, 16 in all."""
    needed = estimate(QWEN_3B, config(), device="cuda")
    adapter = 16 * QWEN_3B.adapter_width
    assert needed.held["weights"] == 2 * QWEN_3B.parameters
    assert needed.held["adapter"] == needed.update["gradients"] == 4 * adapter
    assert needed.held["optimiser"] == 8 * adapter
    assert 10 * GIB < needed.peak < 20 * GIB
    whole = estimate(QWEN_3B, config(lora_rank=0), device="cuda")
    assert sum(whole.held.values()) + whole.update["gradients"] > 16 * QWEN_3B.parameters


@given(
    st.sampled_from(DEVICES),
    st.integers(0, 64),
    st.integers(256, 65_536),
    st.sampled_from(["on", "off"]),
    st.integers(1, 2048),
)
def test_more_of_anything_never_takes_less(device, rank, tokens, checkpointing, new_tokens):
    given_settings = {
        "lora_rank": rank,
        "micro_tokens": tokens,
        "gradient_checkpointing": checkpointing,
        "max_new_tokens": new_tokens,
    }

    def peak(shape=QWEN_3B, **changes):
        return estimate(shape, config(**{**given_settings, **changes}), device=device).peak

    assert peak(micro_tokens=2 * tokens) >= peak()
    assert peak(rollout_tokens=65_536) >= peak()
    assert peak(gradient_checkpointing="on") <= peak(gradient_checkpointing="off")
    assert peak(dtype="bfloat16") <= peak(dtype="float32")
    assert peak(beta=0.1) >= peak(beta=0.0)
    assert peak(replace(QWEN_3B, layers=72)) >= peak()
    assert peak(replace(QWEN_3B, parameters=2 * QWEN_3B.parameters)) >= peak()
    if rank:
        assert peak(lora_rank=rank + 1) >= peak()
        assert peak(lora_rank=0) > peak()


@given(st.sampled_from(DEVICES), st.integers(6, 400), st.integers(0, 1), st.sampled_from([2048, 16_384]))
def test_a_remedy_fits(device, gib, rank, tokens):
    asked = config(lora_rank=16 * rank, micro_tokens=tokens, gradient_checkpointing="off")
    available = Available(device, free=gib * GIB, ram=1000 * GIB)
    try:
        refuse_unless_it_fits(asked, QWEN_3B, available)
    except UsageError as error:
        line = str(error)
        assert "\n" not in line
        assert f"{gib}.0 GiB free" in line
        changes = dict(word.split("=") for word in re.findall(r"--set (\S+)", line))
        followed = config(**{**asked.model_dump(), **changes})
        if "a vLLM server" in line:
            refuse_unless_it_fits(followed, QWEN_3B, replace(available, engine=0))
        elif changes:
            refuse_unless_it_fits(followed, QWEN_3B, available)
        else:
            assert "qwen0.5b" in line


def test_micro_batches_shrink_to_what_memory_bears_unless_they_are_given(monkeypatch):
    asked = config(gradient_checkpointing="off")
    for gib, expected in ((1000, 16_384), (60, 4096), (1, 16_384)):
        room = Available("cuda", free=gib * GIB, ram=1000 * GIB)
        monkeypatch.setattr(fit, "_shape_and_room", lambda *_, room=room: (QWEN_3B, room))
        made = fit.in_smaller_batches(asked, (), SOLO, "qwen3b")
        assert made == asked.model_copy(update={"micro_tokens": expected})
        assert room.fits(QWEN_3B, made) or gib == 1  # what fits in no way is refused later, with a remedy
        assert fit.in_smaller_batches(asked, ("micro_tokens",), SOLO, "qwen3b") == asked


def test_too_little_cpu_memory_beside_a_gpu_is_named():
    with pytest.raises(UsageError, match=r"CPU memory has 4\.0 GiB"):
        refuse_unless_it_fits(config(), QWEN_3B, Available("cuda", free=80 * GIB, ram=4 * GIB))


@given(st.sampled_from(DEVICES), st.integers(2, 16), st.sampled_from([0, 16]), st.floats(0, 0.1))
def test_in_shards_each_device_holds_its_part(device, shards, rank, beta):
    asked = config(lora_rank=rank, beta=beta)
    one, many = (estimate(QWEN_3B, asked, device=device, engine=0, shards=n, here=n) for n in (1, shards))
    for name in ("weights", "reference", "adapter", "optimiser"):
        assert many.held[name] == pytest.approx(one.held[name] / shards, rel=1e-6)
    assert many.update["gradients"] == pytest.approx(one.update["gradients"] / shards, rel=1e-6)
    # Of the model a layer or two are whole at a time, and what is outside of them.
    assert many.update["gathered layers"] < 2 * 4 * (QWEN_3B.outside + QWEN_3B.parameters // 18)
    played = estimate(QWEN_3B, asked, device=device, shards=shards)
    assert played.rollout["gathered weights"] == one.held["weights"]


def test_what_fits_in_shards_but_not_to_be_played_is_left_to_a_server():
    available = Available("cuda", free=6 * GIB, ram=1000 * GIB, shards=8)
    with pytest.raises(UsageError, match=r"let a vLLM server on other GPUs play: --agent qwen3b@http"):
        refuse_unless_it_fits(config(), QWEN_3B, available)
    assert replace(available, engine=0).fits(QWEN_3B, config(micro_tokens=4096))


def test_remedies_keep_what_is_asked_as_long_as_they_can():
    tried = list(cheaper(config(lora_rank=0, micro_tokens=4096, gradient_checkpointing="off"), QWEN_3B))
    first_adapter = next(n for n, changes in enumerate(tried) if "lora_rank" in changes)
    assert tried[0] == {"gradient_checkpointing": "on"}
    assert all("lora_rank" in changes for changes in tried[first_adapter:])


@pytest.mark.parametrize(
    "settings",
    [
        {"lora_rank": 16, "gradient_checkpointing": "on"},
        pytest.param({"lora_rank": 0}, marks=pytest.mark.slow),
        pytest.param({"lora_rank": 16}, marks=pytest.mark.slow),
        pytest.param({"lora_rank": 0, "beta": 0.1}, marks=pytest.mark.slow),
        pytest.param({"lora_rank": 0, "gradient_checkpointing": "on"}, marks=pytest.mark.slow),
    ],
)
def test_an_update_takes_between_half_of_the_estimate_and_the_estimate(settings):
    """Within a factor of two, and never more than a tenth above it."""
    settings = {"micro_tokens": 1024, "max_new_tokens": peak_memory.REPLY, **settings}
    done = subprocess.run(
        [sys.executable, peak_memory.__file__, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    needed = estimate(model_shape(Qwen2Config(**peak_memory.SHAPE)), config(**settings), device="cpu")
    updating = replace(needed, rollout={}).peak
    assert updating / 2 < int(done.stdout) < 1.1 * updating


def test_a_vllm_that_sleeps_beside_an_update_is_counted():
    asked = config()
    alone, beside = (estimate(QWEN_3B, asked, device="cuda", engine=n) for n in (0, 30 * GIB))
    assert beside.update["sleeping engine"] == memory.ASLEEP
    assert sum(beside.update.values()) == sum(alone.update.values()) + memory.ASLEEP
    assert "sleeping engine" not in alone.update
    assert "sleeping engine" not in estimate(QWEN_3B, asked, device="cuda").update  # the trainer's own model
    assert "sleeping engine" not in estimate(QWEN_3B, asked, device="cpu", engine=GIB).update  # never sleeps
    small = estimate(QWEN_3B, asked, device="cuda", engine=GIB)
    assert small.update["sleeping engine"] == GIB
