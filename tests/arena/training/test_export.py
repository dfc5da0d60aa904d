"""An exported policy replies as the run's does, with nothing of ours in the process that loads it."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from arena.training.best_look import best_look
from arena.training.export.export import export_policy
from arena.training.export.model_card import Card, write_card
from arena.training.start import train
from arena_agents import Observation
from arena_agents.language.agent import load_language_agent
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_games.base import UsageError
from arena_games.registry import find_game

# One step so large that the policy plays otherwise than its base.
SETTINGS = ["groups=4", "group_size=8", "eval_episodes=8", "warmup=0", "max_kl=1000000"]
RATES = {4: 0.02, 0: 0.0006}

# A stranger's program: plain transformers, and peft for an adapter.
STRANGER = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer

def load(folder, adapter):
    if not adapter:
        return AutoModelForCausalLM.from_pretrained(folder)
    from peft import PeftConfig, PeftModel

    base = PeftConfig.from_pretrained(folder).base_model_name_or_path
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)

def reply(model, tokenizer, messages):
    ids = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**ids, do_sample=False, stop_strings=["</action>"], tokenizer=tokenizer)
    return tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)

replies = []
for folder, adapter, asked in json.load(sys.stdin):
    model, tokenizer = load(folder, adapter), AutoTokenizer.from_pretrained(folder)
    replies.append([reply(model, tokenizer, messages) for messages in asked])
assert not {name for name in sys.modules if name.partition(".")[0].startswith("arena")}
json.dump(replies, sys.stdout)
"""


def a_run(folder, rank):
    settings = [*SETTINGS, f"lora_rank={rank}", f"learning_rate={RATES[rank]}"]
    return train(game="frozen-lake", agent="nano", out=folder, steps=1, settings=settings)


@pytest.fixture(scope="module")
def adapter_run(tmp_path_factory):
    return a_run(tmp_path_factory.mktemp("adapter") / "run", 4)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    return a_run(tmp_path_factory.mktemp("whole") / "run", 0)


def observations():
    spec = find_game("frozen-lake")
    env = spec.make_env()
    for seed in range(12):
        env.reset(seed=seed)
        text, names = env.observe("seat_0")["text"], spec.action_names
        yield Observation(spec.name, 0, 0, text, (0, 1, 2, 3), seed=seed, action_names=names, spec=spec)


def replies_of_the_policy(agent):
    agent.sampling = replace(agent.sampling, temperature=0.0)
    spec, seen = find_game("frozen-lake"), list(observations())
    return [agent.template.messages(spec, one) for one in seen], [reply.text for reply in agent.act(seen)]


def replies_of_a_stranger(asked):
    done = subprocess.run(
        [sys.executable, "-c", STRANGER], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_exported_policies_reply_as_the_runs(adapter_run, whole_run, tmp_path):
    """An adapter, an adapter merged into its base, and whole weights."""
    asked, expected = [], []
    for name, policy, merge in (
        ("adapter", adapter_run / "best", False),
        ("merged", adapter_run / "last", True),
        ("whole", whole_run / "last", False),
    ):
        folder = export_policy(policy, out=tmp_path / name, merge=merge)
        messages, replies = replies_of_the_policy(load_policy(policy))
        asked.append((str(folder), name == "adapter", messages))
        expected.append(replies)
    assert replies_of_a_stranger(asked) == expected
    untrained = replies_of_the_policy(load_language_agent("nano"))[1]
    assert all(replies != untrained for replies in expected[1:])


def test_training_changed_what_is_exported(adapter_run, tmp_path):
    folder = export_policy(adapter_run / "last", out=tmp_path / "out", merge=True)
    merged, base = (load_file(where / "model.safetensors") for where in (folder, MODEL_DIR))
    assert any(not merged[name].equal(base[name]) for name in base)


def test_a_merged_policy_has_the_precision_of_its_base(adapter_run, tmp_path):
    folder = export_policy(adapter_run, out=tmp_path / "out", merge=True)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"


def test_the_folder_holds_all_that_is_promised(adapter_run, tmp_path):
    folder = export_policy(adapter_run, out=tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors", "generation_config.json"),
        *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "template.txt", "README.md"),
    }
    assert "{observation}" in (folder / "template.txt").read_text()
    sampling = json.loads((folder / "generation_config.json").read_text())
    assert (sampling["do_sample"], sampling["temperature"], sampling["max_new_tokens"]) == (True, 1.0, 8)
    assert sampling["eos_token_id"] == 2


def test_the_card_tells_where_the_policy_comes_from(adapter_run, tmp_path):
    text = (export_policy(adapter_run / "best", out=tmp_path / "out") / "README.md").read_text()
    rows = [json.loads(line) for line in (adapter_run / "metrics.jsonl").read_text().splitlines()]
    assert text.startswith("---\n")
    data = ModelCard(text).data
    assert (data.base_model, data.library_name, data.pipeline_tag) == ("nano", "peft", "text-generation")
    assert {"tmsg-arena", "ms-grpo", "frozen-lake"} <= set(data.tags)
    best = best_look(rows)
    assert f"seed 0, policy of step {best['step']} of 1" in text
    before, after = rows[0]["eval/confirmed_return"], best["eval/confirmed_return"]
    assert f"| mean return | {before:.2f} | {after:.2f} |" in text
    assert "On 32 start states" in text
    text = (export_policy(adapter_run / "last", out=tmp_path / "last") / "README.md").read_text()
    assert "seed 0, policy of step 1 of 1" in text
    assert '"learning_rate": 0.02' in text


@pytest.mark.parametrize("decode", ["free", "choice"])
def test_the_card_says_whether_the_policy_was_trained_to_choose(tmp_path, decode):
    write_card(tmp_path, Card("x", "nano", "snake", True, ("</action>",), {}, None, None, decode=decode))
    assert ("trained to choose" in (tmp_path / "README.md").read_text()) == (decode == "choice")


def test_names_from_elsewhere_are_not_obeyed(tmp_path):
    evil = "x\n---\n<script>`*](http://e.vil)"
    write_card(tmp_path, Card(evil, evil, "snake", True, ("</action>",), {"agent": "```\n<b>"}, None, None))
    text = (tmp_path / "README.md").read_text()
    body = text.split("\n---\n")[1]
    data = ModelCard(text).data
    assert data.base_model == evil  # quoted: a name, and no more than a name
    assert set(data.to_dict()) == {"base_model", "library_name", "pipeline_tag", "tags"}
    assert "<script>" not in body
    assert "````json" not in text.replace("````json\n", "", 1)
    assert text.rstrip().endswith("````")


def test_what_cannot_be_exported_is_one_line(adapter_run, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match=r"exists already.*-o"):
        export_policy(adapter_run, out=tmp_path / "there")
    with pytest.raises(UsageError, match="no policy"):
        export_policy(tmp_path / "there", out=tmp_path / "out")
    dqn = tmp_path / "dqn"
    dqn.mkdir()
    (dqn / "agent.json").write_text('{"kind": "dqn"}')
    with pytest.raises(UsageError, match="only language policies"):
        export_policy(dqn, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_export_leaves_nothing(adapter_run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "arena.training.export.export.write_card", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        export_policy(adapter_run, out=tmp_path / "deep" / "out")
    assert not list((tmp_path / "deep").iterdir())
