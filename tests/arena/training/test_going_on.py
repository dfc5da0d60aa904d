"""Training that goes on from a policy: with its adapter, with it merged, or with whole weights."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from arena.tournament.teach import sft
from arena.training.config import MsgrpoConfig
from arena.training.language.start import Start
from arena.training.msgrpo.learner import Learner
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config, new_sft_config
from arena.training.start import train
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from tests.arena.training.test_learner import make_batch

TINY = ["eval_episodes=4", "eval_every=1", "checkpoint_every=1"]
SFT = [*TINY, "batch_size=4", "lora_alpha=8", "learning_rate=3e-3", "warmup=0"]
MSGRPO = [*TINY, "groups=2", "group_size=4", "keep=1.0", "max_kl=1000000", "warmup=0"]


def taught(folder, rank, *more, agent="nano"):
    settings = [*SFT, f"lora_rank={rank}", "temperature=0.9", *more]
    given = {"game": "frozen-lake", "agent": str(agent), "teacher": "search", "episodes": 4, "steps": 2}
    return sft(**given, out=folder, settings=settings)


def went_on(folder, agent, *settings, game="frozen-lake", steps=1):
    return train(game=game, agent=str(agent), out=folder, steps=steps, settings=[*MSGRPO, *settings])


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return taught(tmp_path_factory.mktemp("adapter") / "run", 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return taught(tmp_path_factory.mktemp("whole") / "run", 0)


def card(policy):
    return json.loads((policy / "agent.json").read_text())


def test_an_adapter_is_trained_on(adapter, tmp_path):
    run = went_on(tmp_path / "run", adapter, "learning_rate=1e-2")
    config = json.loads((run / "config.json").read_text())
    assert (config["lora_rank"], config["lora_alpha"], config["temperature"]) == (4, 8, 0.9)
    assert config["max_new_tokens"] == card(adapter / "best")["sampling"]["max_new_tokens"]
    assert card(run / "best")["base"] == "nano"
    began, start = load_file(adapter / "best" / "adapter_model.safetensors"), run / "start"
    assert load_file(start / "adapter_model.safetensors").keys() == began.keys()
    ended = load_file(run / "last" / "adapter_model.safetensors")
    assert ended.keys() == began.keys()
    assert any(not torch.equal(ended[name], began[name]) for name in began)
    assert make_agent(str(run)).engine is not None


def test_before_the_first_update_it_plays_as_it_was_taught(adapter, tmp_path):
    run = went_on(tmp_path / "run", adapter, "learning_rate=1e-12")
    before, after = (load_file(folder / "best" / "adapter_model.safetensors") for folder in (adapter, run))
    assert all(torch.allclose(before[name], after[name], atol=1e-9) for name in before)


@pytest.mark.parametrize("rank", [4, 3, 0])
def test_a_merged_adapter_goes_on_as_whole_weights(adapter, tmp_path, rank):
    settings = [] if rank == 4 else [f"lora_rank={rank}"]
    run = went_on(tmp_path / "run", adapter, "adapter=merge", "learning_rate=1e-12", *settings)
    assert (run / "start" / "model.safetensors").is_file()
    assert (run / "best" / "adapter_model.safetensors").is_file() == (rank > 0)
    prompts = [[1, 2, 3, 4, 5, 6]]
    with torch.no_grad():
        logits = [load_policy(folder).engine.model(torch.tensor(prompts)).logits for folder in (adapter, run)]
    assert torch.allclose(*logits, atol=1e-4)
    moved = tmp_path / "moved"
    shutil.move(run, moved)  # what it was merged into lies beside the policy
    assert load_policy(moved).engine is not None


def test_whole_weights_go_on_whole_or_with_a_fresh_adapter(whole, tmp_path):
    run = went_on(tmp_path / "run", whole)
    assert (run / "best" / "model.safetensors").is_file()
    fresh = went_on(tmp_path / "fresh", whole, "lora_rank=2")
    assert (fresh / "best" / "adapter_model.safetensors").is_file()
    assert card(fresh / "best")["base"] == f"hf:{fresh / 'start'}"


def test_a_policy_is_taught_on_on_another_game(adapter, tmp_path):
    given = {"game": "snake", "agent": str(adapter), "teacher": "search", "episodes": 2, "steps": 1}
    run = sft(**given, out=tmp_path / "run", settings=TINY)
    assert card(run / "best")["trained_on"] == "snake"
    again = went_on(tmp_path / "again", run / "last", game="frozen-lake")
    assert card(again / "best")["base"] == "nano"


def test_a_run_goes_on_though_what_it_started_from_is_gone(tmp_path):
    first = taught(tmp_path / "first", 4)
    run = went_on(tmp_path / "run", first, steps=2)
    undisturbed = (run / "metrics.jsonl").read_text().splitlines()
    shutil.rmtree(first)
    shutil.rmtree(run / "checkpoints" / "step-000002")
    train(game=None, agent=None, resume=run)
    again = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["eval/return"] for row in again] == [
        json.loads(row)["eval/return"] for row in undisturbed
    ]


def test_the_words_of_the_policy_go_on_with_it(tmp_path):
    words = tmp_path / "mine.txt"
    words.write_text("[user]\nMy words. {observation} {actions}\n")
    given = {"game": "frozen-lake", "agent": "nano", "teacher": "search", "episodes": 2, "steps": 1}
    first = sft(**given, out=tmp_path / "first", settings=SFT, template=words)
    run = went_on(tmp_path / "run", first)
    assert "My words." in card(run / "best")["template"]


def test_the_policy_loads_in_plain_peft(adapter, tmp_path):
    run = went_on(tmp_path / "run", adapter)
    program = (
        "import sys; from peft import PeftModel; from transformers import AutoModelForCausalLM\n"
        "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1]), sys.argv[2])\n"
        "assert not [name for name in sys.modules if name.startswith('arena')]\n"
    )
    folders = [str(MODEL_DIR), str(run / "best")]
    subprocess.run([sys.executable, "-W", "error", "-c", program, *folders], check=True, cwd=tmp_path)


def test_it_plays_in_eval(adapter, tmp_path):
    command = [
        sys.executable,
        "-m",
        "arena",
        "eval",
        str(adapter),
        "--games",
        "frozen-lake",
        "--episodes",
        "4",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "frozen-lake" in done.stdout


# What it is held to.


def test_with_a_kept_adapter_the_reference_is_the_policy_as_it_began(tiny_model, adapter_folder):
    batch, _ = make_batch(tiny_model, noise=0.0)
    config = MsgrpoConfig(game="frozen-lake", agent="nano", lora_rank=4, beta=0.1)
    learner = Learner(tiny_model, config, 0, start=Start("tiny", "tiny", adapter_folder))
    real = batch.weights_NK > 0
    with torch.no_grad():
        began = learner.logprobs(batch)[batch.sequence_N] * real
    # Not the model without its adapter: that one says something else.
    assert not torch.allclose(began, batch.old_logprobs_NK * real, atol=1e-3)
    for step in (1, 2):
        assert learner.update(batch, 1e-2, step) is not None
    reference = learner._reference(batch, list(range(5)))[batch.sequence_N] * real
    assert torch.allclose(reference, began, atol=1e-5)
    with torch.no_grad():
        now = learner.logprobs(batch)[batch.sequence_N] * real
    assert not torch.allclose(now, began, atol=1e-3)


def test_the_kl_penalty_holds_it_there(tiny_model, adapter_folder):
    """With a reference, a step's gradient is what a loss with that reference's numbers gives."""
    import copy

    batch, _ = make_batch(tiny_model, noise=0.1)
    config = MsgrpoConfig(game="frozen-lake", agent="nano", lora_rank=4, beta=0.5, max_grad_norm=1e9)
    start = Start("tiny", "tiny", adapter_folder)
    held = Learner(copy.deepcopy(tiny_model), config, 0, start=start)
    held.update(batch, 1e-2, 1)
    free = Learner(tiny_model, config.model_copy(update={"beta": 0.0}), 0, start=start)
    free.update(batch, 1e-2, 1)
    stats = held._step(batch, list(range(5)))
    assert stats["ref_kl"] > 0
    assert free._step(batch, list(range(5)))["ref_kl"] == 0


@pytest.fixture
def adapter_folder(tiny_model, tmp_path):
    """An adapter that changes what the tiny model says."""
    import copy

    from arena.training.language.learner import with_fresh_adapter

    config = MsgrpoConfig(game="frozen-lake", agent="nano", lora_rank=4)
    adapted = with_fresh_adapter(copy.deepcopy(tiny_model), config)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(len(name)))
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


# What cannot be gone on from.


def test_a_folder_without_a_policy_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="holds no policy") as caught:
        train(game="frozen-lake", agent=str(tmp_path), out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_models_folder_without_its_prefix_is_told_apart():
    with pytest.raises(UsageError, match=f"hf:{MODEL_DIR}"):
        new_config({"game": "snake", "agent": str(MODEL_DIR)}, [], None)


def test_a_dqn_is_no_language_policy(tmp_path):
    (tmp_path / "agent.json").write_text('{"kind": "dqn"}')
    with pytest.raises(UsageError, match="dqn policy"):
        new_sft_config({"game": "snake", "agent": str(tmp_path), "teacher": "search"}, [], None)


def test_another_rank_asks_for_a_merge(adapter):
    with pytest.raises(UsageError, match="adapter=merge"):
        new_config({"game": "snake", "agent": str(adapter)}, ["lora_rank=8"], None)
    made = new_config({"game": "snake", "agent": str(adapter)}, ["lora_rank=8", "adapter=merge"], None)
    assert made.lora_rank == 8


def test_a_run_that_cannot_begin_leaves_nothing_of_its_start(adapter, tmp_path):
    with pytest.raises(UsageError, match="did you mean"):
        went_on(tmp_path / "run", adapter, "opponents=serach")
    assert not (tmp_path / "run").exists()


def test_a_start_that_was_damaged_is_named(adapter, tmp_path):
    run = went_on(tmp_path / "run", adapter)
    (run / "start" / "adapter_model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"train (it|the adapter) again"):
        train(game=None, agent=None, resume=run)
    assert RunFolder.open(run).metrics()


def test_a_policy_plays_in_the_precision_that_it_was_trained_in_where_that_is_quick(tmp_path, monkeypatch):
    run = taught(tmp_path / "run", 4, "dtype=bfloat16")
    assert card(run / "best")["dtype"] == "bfloat16"
    for quick, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda quick=quick: quick)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert next(make_agent(str(run)).engine.model.parameters()).dtype == expected
