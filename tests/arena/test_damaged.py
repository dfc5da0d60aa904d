"""Whatever a file holds, who reads it gets its content, or one line that a person can put right.

300 mutants of each format, the same in every run, each through the functions behind the commands that read
it; no traceback.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from arena.training.distributed.weights import TrainedWeights
from arena.training.dqn.config import DqnConfig
from arena.training.dqn.train import DqnTraining
from arena.training.export.export import Policy
from arena.training.language.checkpoint import Progress, load_checkpoint, save_checkpoint
from arena.training.language.guard import Guard
from arena.training.language.start import start_settings
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config, stored_config
from arena.training.sft.examples import Example, read_examples, write_examples
from arena.training.start import train
from arena.training.status import TrainingStatus
from arena.views.curves import comparison, learning_curves
from arena.views.listing import runs as list_runs
from arena_agents.causal_lm.adapter_config import read_adapter
from arena_agents.causal_lm.load import load_model
from arena_agents.language.chat import ChatFormat
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_games.registry import find_game
from tests.arena.damage import (
    MUTANTS,
    bytes_damaged,
    each_mutant,
    of_text,
)

TINY = {"groups": 2, "group_size": 2, "eval_episodes": 2, "checkpoint_every": 1, "eval_every": 1}


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that trained an adapter."""
    out = tmp_path_factory.mktemp("damaged") / "language"
    return train("frozen-lake", "nano", out=out, steps=2, settings={**TINY, "lora_rank": 4})


@pytest.fixture(scope="module")
def dqn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "dqn"
    small = {"episodes": 4, "updates": 1, "eval_episodes": 2, "checkpoint_every": 1, "eval_every": 1}
    return train("frozen-lake", "dqn", out=out, steps=2, settings={**small, "capacity": 50, "hidden": 8})


def test_agent_json_of_a_language_policy(language: Path) -> None:
    folder = language / "last"

    def read() -> None:
        start_settings(Policy.read(folder))

    each_mutant(folder / "agent.json", read, of_text(folder / "agent.json"))


def test_agent_json_of_a_dqn(dqn: Path) -> None:
    path = dqn / "last" / "agent.json"
    each_mutant(path, lambda: load_policy(dqn / "last"), of_text(path))


def test_weights_of_a_dqn(dqn: Path) -> None:
    path = dqn / "last" / "model.safetensors"
    whole = path.read_bytes()
    each_mutant(path, lambda: load_policy(dqn / "last"), lambda seed: bytes_damaged(whole, seed))


def test_adapter_config(language: Path) -> None:
    path = language / "last" / "adapter_config.json"
    each_mutant(path, lambda: read_adapter(path.parent), of_text(path))


@pytest.mark.parametrize("kind", ["language", "dqn"])
def test_config_of_a_run(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    each_mutant(folder / "config.json", lambda: all_of_a_run(folder), of_text(folder / "config.json"))


def test_metrics(language: Path) -> None:
    path = language / "metrics.jsonl"
    each_mutant(path, lambda: all_of_a_run(language), of_text(path))


def all_of_a_run(folder: Path) -> None:
    """What list, curves, report, export and --resume read of a training."""
    TrainingStatus(folder).update()
    str(list_runs(folder))
    learning_curves(folder.parent)
    stored_config(RunFolder.open(folder))
    comparison([folder], "eval/return")
    comparison([folder], "eval/success")


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('learning_rate = 1e-4\ngroups = 3\nopponents = "house"\n[chat_template]\nx = 1\n')
    whole = path.read_bytes()

    def read() -> None:
        new_config({"game": "frozen-lake", "agent": "nano"}, [], path)

    each_mutant(path, read, lambda seed: bytes_damaged(whole, seed))


CHECKPOINTS = ("state.json", "state.safetensors")


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoint_of_a_dqn(dqn: Path, name: str) -> None:
    path = dqn / "checkpoints" / "step-000002" / name
    config = stored_config(RunFolder.open(dqn))
    assert isinstance(config, DqnConfig)
    training = DqnTraining(config, RunFolder.open(dqn), find_game("frozen-lake"))
    whole = path.read_bytes()
    damaged = of_text(path) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(path, lambda: training._load(path.parent), damaged)


def test_environment_of_a_run(language: Path) -> None:
    path = language / "environment.json"
    each_mutant(path, RunFolder.open(language).environment, of_text(path))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedWeights]:
    """A checkpoint as language policies have it, of weights that are quickly read."""
    folder = tmp_path_factory.mktemp("checkpoint")
    trained = TrainedWeights(torch.nn.Linear(4, 4), rate=0.1, weight_decay=0.0)
    trained.parameters["weight"].sum().backward()
    trained.optimizer.step()
    now = trained.snapshot()
    save_checkpoint(folder, now, now, Progress(3, 9, 1.5, Guard(0.1, 0.5, 2, 0.5)))
    return folder, trained


@pytest.mark.parametrize("name", ["progress.json", "current.safetensors"])
def test_checkpoint_of_a_language_policy(checkpoint: tuple[Path, TrainedWeights], name: str) -> None:
    folder, trained = checkpoint
    whole = (folder / name).read_bytes()
    damaged = of_text(folder / name) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(folder / name, lambda: load_checkpoint(folder, trained), damaged)


def test_examples(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    asked = [{"role": "system", "content": "play"}, {"role": "user", "content": "a board"}]
    write_examples(path, [Example(asked, "\u2028<action>up</action>", number) for number in range(3)])
    each_mutant(path, lambda: read_examples(path), of_text(path))


MODEL_FILES = (
    *("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"),
    *("chat_template.jinja", "model.safetensors"),
)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_model_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODEL_DIR, folder)
    path = folder / name
    whole = path.read_bytes()

    def read() -> None:
        tokenizer = load_model(str(folder))[1]
        if name == "chat_template.jinja":
            ChatFormat.of(tokenizer)

    damaged = of_text(path) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(path, read, damaged, MUTANTS // len(MODEL_FILES))
