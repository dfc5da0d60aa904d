"""A real model, SmolLM2-135M-Instruct, behind vLLM on a CPU and behind its server: what they draw, before
and after an update, is what transformers draws. Without its folder (`make smollm2`) nothing here runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.training.language.probe import probe_prompts
from arena.training.run_folder import RunFolder
from arena.training.sft.train import SftTraining
from arena.training.start import new_sft_config
from arena_agents.base import Sampling
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.presets import SOURCE_TREE
from tests.vllm.test_server import VllmServer
from tests.vllm.test_training import Silent

MODEL = SOURCE_TREE / "models" / "smollm2-135m"
PROMPTS = 16
GREEDY = Sampling(temperature=0, max_new_tokens=16)
SETTINGS = [
    *("lora_rank=8", "learning_rate=0.002", "warmup=0", "batch_size=8", "steps=1", "episodes=4"),
    *("eval_episodes=2", "eval_every=1", "max_new_tokens=8", "micro_tokens=2048"),
]
pytestmark = pytest.mark.skipif(not (MODEL / "config.json").is_file(), reason="make smollm2 has not run")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    running = VllmServer(tmp_path_factory.mktemp("vllm") / "server.log", MODEL)
    running.start()
    yield running
    running.kill()


def taught(agent: str, folder: Path, *settings: str) -> float:
    """One update through an engine; what it and transformers draw must be equal before it and after it.

    Returns by how many nats the update has changed what is said of a reply, at most.
    """
    asked = {"game": "frozen-lake", "agent": agent, "teacher": "search"}
    config = new_sft_config(asked, [*SETTINGS, *settings], None)
    training = SftTraining(config, RunFolder.create(folder, config), Silent(), None)
    training.prepare()
    plain = TransformersEngine(training.learner.model, training.agent.tokenizer)
    prompts = probe_prompts(training.agent, training.spec, "house")[:PROMPTS]
    assert len(set(prompts)) == PROMPTS
    training.start()
    before = _equally_drawn(training.engine, plain, prompts)
    row = training.update(1)
    assert row["loss"] is not None
    after = _equally_drawn(training.engine, plain, prompts)
    training.save()
    training.close()
    return max(abs(one - other) for one, other in zip(before, after, strict=True))


def _equally_drawn(engine: Any, plain: TransformersEngine, prompts: list[Any]) -> list[float]:
    found, expected = (e.generate(prompts, GREEDY, range(len(prompts))) for e in (engine, plain))
    assert [s.token_ids for s in found] == [s.token_ids for s in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
    return [sum(s.logprobs) for s in found]


def metrics(folder: Path) -> dict[str, Any]:
    last: dict[str, Any] = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return last


@pytest.mark.timeout(1800)
def test_in_this_process_it_draws_what_transformers_draws_and_training_goes_on(tmp_path: Path) -> None:
    assert taught(f"hf:{MODEL}", tmp_path / "run", "engine=vllm") > 0.1
    assert metrics(tmp_path / "run")["step"] == 1
    assert (tmp_path / "run" / "last" / "adapter_model.safetensors").is_file()


@pytest.mark.timeout(1800)
def test_behind_its_server_it_draws_what_transformers_draws_and_training_goes_on(
    server: VllmServer, tmp_path: Path
) -> None:
    assert taught(f"hf:{MODEL}@{server.url}", tmp_path / "run") > 0.1
    assert metrics(tmp_path / "run")["step"] == 1
