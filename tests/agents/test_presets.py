"""Presets: hub ids, and the folders that serve in their place."""

import pytest

from arena_agents import presets
from arena_agents.causal_lm.load import load_model
from arena_agents.presets import PRESETS, found_here, model_source
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from tests.agents.odd_models import copy_of_nano

SMOLLM2 = "smollm2-135m"


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    """No hub, nothing in its cache, an empty current directory, no source tree."""
    monkeypatch.setattr(presets, "out_of_reach", lambda: True)
    monkeypatch.setattr(presets, "cached", lambda source: False)
    monkeypatch.setattr(presets, "SOURCE_TREE", tmp_path / "installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ARENA_MODELS", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_sizes_have_hub_ids():
    assert PRESETS["qwen3-0.6b"] == "Qwen/Qwen3-0.6B"
    assert PRESETS["smollm2-1.7b"] == "HuggingFaceTB/SmolLM2-1.7B-Instruct"
    assert {f"qwen3-{size}" for size in ("0.6b", "1.7b", "4b", "8b")} <= PRESETS.keys()
    assert {f"smollm2-{size}" for size in ("135m", "360m", "1.7b")} <= PRESETS.keys()
    assert {f"qwen{size}" for size in ("0.5b", "1.5b", "3b", "7b", "14b", "32b", "72b")} <= PRESETS.keys()


@pytest.mark.parametrize("where", ["here", "installed"])
def test_without_the_hub_a_folder_under_models_serves(unreachable, caplog, where):
    folder = copy_of_nano(unreachable / where / "models" / SMOLLM2)
    for _ in range(2):
        model, _ = load_model(model_source(SMOLLM2))
    assert model.config.num_hidden_layers == 4
    assert caplog.text.count("the model hub does not answer") == 1
    assert (unreachable / "here" / model_source(SMOLLM2)).resolve() == folder.resolve()
    assert model_source("smollm2-360m") == PRESETS["smollm2-360m"]


def test_the_hub_and_its_cache_go_before_what_was_made_here(unreachable, monkeypatch):
    copy_of_nano(unreachable / "here" / "models" / SMOLLM2)
    monkeypatch.setattr(presets, "cached", lambda source: True)
    assert model_source(SMOLLM2) == PRESETS[SMOLLM2]
    monkeypatch.setattr(presets, "cached", lambda source: False)
    monkeypatch.setattr(presets, "out_of_reach", lambda: False)
    assert model_source(SMOLLM2) == PRESETS[SMOLLM2]


def test_a_folder_that_the_environment_names_goes_before_all(unreachable, monkeypatch):
    folder = copy_of_nano(unreachable / "mine" / SMOLLM2)
    environment = {"ARENA_MODELS": str(folder.parent)}
    monkeypatch.setattr(presets, "out_of_reach", lambda: False)
    monkeypatch.setattr(presets, "cached", lambda source: True)
    assert found_here(SMOLLM2, PRESETS[SMOLLM2], environment) == str(folder)
    assert found_here("qwen3b", PRESETS["qwen3b"], environment) is None


def test_what_is_not_to_be_had_names_the_ways_to_it(unreachable):
    with pytest.raises(UsageError, match=r"make smollm2 .*hf download HuggingFaceTB"):
        make_agent(SMOLLM2)
    with pytest.raises(UsageError) as caught:
        make_agent("qwen3-0.6b")
    assert "make smollm2" not in str(caught.value)
