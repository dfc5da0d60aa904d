"""A model in llama.cpp's format is a model like any other: it plays, trains, and leaves ordinary folders."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from arena.training.export.export import export_policy
from arena.training.start import train
from arena_agents.causal_lm.gguf import convert
from arena_agents.causal_lm.load import load_config, load_model, load_tokenizer
from arena_agents.engines.choose import choose_engine, choose_playing_engine
from arena_agents.language.agent import load_language_agent
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from tests.agents.language.test_chat import start
from tests.agents.odd_models import nano_as_gguf

# A stranger's program, as an exported adapter's card has it: plain transformers and peft.
STRANGER = """
import sys, json, torch
from transformers import AutoModelForCausalLM

folder, gguf_file, prompts = json.load(sys.stdin)
if gguf_file:
    from peft import PeftConfig, PeftModel

    base = PeftConfig.from_pretrained(folder).base_model_name_or_path
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, gguf_file=gguf_file), folder)
else:
    model = AutoModelForCausalLM.from_pretrained(folder)
print(json.dumps([model(torch.tensor([ids])).logits[0, -1].tolist() for ids in prompts]))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return nano_as_gguf(tmp_path_factory.mktemp("gguf") / "nano.gguf")


@pytest.fixture(scope="module", params=[0, 4], ids=["whole weights", "adapter"])
def run(request, file, tmp_path_factory):
    few = ["groups=2", "group_size=4", "eval_episodes=2", "max_new_tokens=8", "warmup=0", "max_kl=1e6"]
    rate = {0: 0.0006, 4: 0.02}[request.param]
    return train(
        game="frozen-lake",
        agent=f"hf:{file}",
        out=tmp_path_factory.mktemp("run") / "run",
        steps=1,
        settings=[*few, f"lora_rank={request.param}", f"learning_rate={rate}"],
    )


def logits_of_a_stranger(folder, gguf_file, prompts):
    done = subprocess.run(
        [sys.executable, "-c", STRANGER],
        input=json.dumps([str(folder), gguf_file, prompts]),
        capture_output=True,
        text=True,
        check=True,
    )
    return torch.tensor(json.loads(done.stdout.splitlines()[-1]))


def last_logits(model, prompts):
    with torch.no_grad():
        return torch.stack([model(torch.tensor([ids])).logits[0, -1] for ids in prompts])


def test_its_weights_are_the_models_own(file):
    (read, _), (model, _) = load_model(str(file)), load_model(str(MODEL_DIR))
    assert read.config.num_hidden_layers == load_config(str(file)).num_hidden_layers == 4
    for (name, ours), (_, theirs) in zip(
        sorted(read.state_dict().items()), sorted(model.state_dict().items()), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_it_plays_and_its_tokenizer_has_a_chat_template(file):
    agent = load_language_agent(f"hf:{file}", sampling=replace(make_agent("nano").sampling, max_new_tokens=4))
    assert agent.tokenizer.decode(agent.prompt_ids(start())).endswith("<|im_start|>assistant\n")
    assert len(agent.act([start()])[0].sample.token_ids) <= 4
    assert load_tokenizer(str(file)).chat_template == agent.tokenizer.chat_template


def test_a_policy_of_it_is_read_back_and_exported_for_plain_transformers(run, tmp_path):
    """An adapter, the same merged, or whole weights: a stranger computes what the policy does."""
    policy = load_policy(run / "last")
    prompts = [policy.prompt_ids(start(seed=seed)) for seed in range(3)]
    expected = last_logits(policy.engine.model, prompts)
    adapter = (run / "last" / "adapter_config.json").exists()
    for merge in (False, True) if adapter else (False,):
        folder = export_policy(run / "last", out=tmp_path / f"merged-{merge}", merge=merge)
        name = "nano.gguf" if adapter and not merge else None
        assert torch.allclose(logits_of_a_stranger(folder, name, prompts), expected, atol=1e-4)
        assert ("gguf_file='nano.gguf'" in (folder / "README.md").read_text()) == bool(name)
        assert (folder / "tokenizer.json").is_file()


def test_converted_it_is_an_ordinary_folder(file, tmp_path):
    convert(file, tmp_path / "m")
    (model, tokenizer), (read, _) = load_model(str(tmp_path / "m")), load_model(str(file))
    ids = [tokenizer.encode("up or down")]
    assert torch.equal(last_logits(model, ids), last_logits(read, ids))


def test_vllm_is_given_none(file):
    assert choose_engine("auto", str(file)) == "transformers"
    assert choose_playing_engine("auto", str(file), adapter=True) == "transformers"
    with pytest.raises(UsageError, match=r"no \.gguf file; python -m arena_agents.causal_lm.gguf"):
        choose_engine("vllm", str(file))


def test_what_cannot_be_read_is_one_line(file, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="there is no file"):
        make_agent(f"hf:{tmp_path}/none.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(UsageError, match=r"cannot read .*broken\.gguf"):
        make_agent(f"hf:{broken}")
    monkeypatch.setattr("arena_agents.causal_lm.gguf.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"tmsg-arena\[gguf\]"):
        make_agent(f"hf:{file}")
