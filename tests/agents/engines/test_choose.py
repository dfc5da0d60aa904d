"""Which engine runs: what was asked for, else what is installed and present."""

import importlib.util

import pytest

from arena.training.config import MsgrpoConfig
from arena.training.settings import new_config
from arena_agents.engines import choose
from arena_agents.engines.choose import choose_engine, choose_playing_engine, parse_engine
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.engines.vllm import start_llm
from arena_agents.nano import MODEL_DIR
from arena_agents.registry import make_agent
from arena_games.base import UsageError


@pytest.fixture
def machine(monkeypatch):
    """A machine with or without vLLM, with or without a GPU."""

    def be(*, vllm, gpu):
        monkeypatch.setattr(choose, "vllm_installed", lambda: vllm)
        monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)

    return be


@pytest.mark.parametrize("vllm", [False, True])
@pytest.mark.parametrize("gpu", [False, True])
def test_auto_is_vllm_where_both_are_there(machine, vllm, gpu):
    machine(vllm=vllm, gpu=gpu)
    assert choose_engine("auto") == ("vllm" if vllm and gpu else "transformers")
    assert choose_engine("transformers") == "transformers"


def test_all_weights_cannot_be_handed_to_vllm(machine):
    machine(vllm=True, gpu=True)
    assert choose_engine("auto", adapter=False) == "transformers"
    with pytest.raises(UsageError, match="--set lora_rank=16"):
        choose_engine("vllm", adapter=False)


def test_vllm_that_is_not_installed_is_one_line_with_the_remedy(machine):
    machine(vllm=False, gpu=True)
    with pytest.raises(UsageError, match=r"pip install 'tmsg-arena\[vllm\]'") as caught:
        choose_engine("vllm")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vllm is installed here")
def test_an_import_that_fails_is_one_line_with_the_remedy():
    with pytest.raises(UsageError, match=r"vllm cannot be imported.*--engine transformers") as caught:
        start_llm(str(MODEL_DIR))
    assert "\n" not in str(caught.value)


def test_a_server_is_chosen_by_its_address():
    with pytest.raises(UsageError, match="SPEC@URL"):
        choose_engine("server")


def test_players_start_no_vllm_for_what_is_tiny_or_alone(machine, tmp_path):
    machine(vllm=True, gpu=True)
    large = tmp_path / "large"
    large.mkdir()
    with (large / "model.safetensors").open("wb") as file:
        file.truncate(2**28)  # sparse: no such space is taken
    assert choose_playing_engine("auto", str(large), adapter=True) == "vllm"
    assert choose_playing_engine("auto", str(large), adapter=False) == "transformers"
    assert choose_playing_engine("auto", str(MODEL_DIR), adapter=True) == "transformers"
    assert choose_playing_engine("auto", "some/model-on-the-hub", adapter=True) == "vllm"
    assert choose_playing_engine("vllm", str(MODEL_DIR), adapter=False) == "vllm"


def test_an_engine_is_asked_for_by_name():
    assert parse_engine("vllm") == "vllm"
    with pytest.raises(UsageError, match="known: auto, transformers, vllm, server"):
        parse_engine("llama")
    with pytest.raises(UsageError, match="'llama' for engine"):
        new_config({"game": "snake", "agent": "nano", "engine": "llama"}, [], None)
    config = new_config({"game": "snake", "agent": "nano", "engine": "vllm"}, [], None)
    assert isinstance(config, MsgrpoConfig)
    assert config.engine == "vllm"


def test_an_agent_is_made_with_the_engine_that_was_asked_for(machine):
    machine(vllm=False, gpu=False)
    assert isinstance(make_agent("nano", engine="auto").engine, TransformersEngine)
    with pytest.raises(UsageError, match="vllm is not installed"):
        make_agent("nano", engine="vllm")


def test_the_engine_of_the_trainers_model_has_nothing_to_load(tmp_path):
    engine = make_agent("nano").engine
    engine.sleep()
    engine.wake()
    engine.load_policy(tmp_path / "not-even-there", 7)
    assert engine.shares_model
    assert engine.policy_version == 7
