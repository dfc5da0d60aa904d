"""A real vLLM server on loopback: it plays in a tournament, it is a training engine, and it may die."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from arena.record.store import FILE_NAME, Store
from arena_agents.nano import MODEL_DIR

pytestmark = pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed here")

STARTS_WITHIN_S = 600
DIES_WITHIN_S = "20"  # of silence: the deadline of a reply
OFFLINE_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
    "TORCHDYNAMO_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}
# Prompts are not cut in chunks: vLLM's sampling with seeds fails there on a CPU.
OPTIONS = (
    "--host 127.0.0.1 --dtype float32 --enforce-eager --block-size 32 --no-enable-chunked-prefill "
    "--enable-lora --max-lora-rank 8 --max-loras 2 --logprobs-mode processed_logprobs"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class VllmServer:
    """Started, killed and started again at one address."""

    def __init__(self, log: Path, model: Path = MODEL_DIR) -> None:
        self.model, self.port = model, free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.log = log

    def start(self) -> None:
        module = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        where = ["--model", str(self.model), "--port", str(self.port), *OPTIONS.split()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                module + where, stdout=log, stderr=log, env=os.environ | OFFLINE_CPU, start_new_session=True
            )
        until = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.5)

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # a test may have killed it and failed before it came back
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.url}/models", timeout=2).status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    running = VllmServer(tmp_path_factory.mktemp("vllm") / "server.log")
    running.start()
    yield running
    running.kill()


def command(*words: str) -> dict[str, Any]:
    environment = os.environ | {"ARENA_API_DEADLINE": DIES_WITHIN_S, "OMP_NUM_THREADS": "1"}
    return {"args": [sys.executable, "-m", "arena", *words], "env": environment, "text": True}


def arena(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command(*words), capture_output=True, timeout=400)


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(**command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def steps(run: Path) -> list[int]:
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line)["step"] for line in lines if line.endswith("\n")]


def stored(run: Path) -> set[str]:
    if not (run / FILE_NAME).exists():
        return set()
    with Store.read(run) as store:
        return store.episode_ids()


def wait_for(what: Any, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while not what():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_served_model_plays_in_a_tournament(server: VllmServer, tmp_path: Path) -> None:
    out = tmp_path / "run"
    agents = f"random,served=nano@{server.url}"
    done = arena("tournament", "--games", "snake", "--agents", agents, "--matches", "4", "--out", str(out))
    assert done.returncode == 0, done.stderr
    with Store.read(out) as store:
        assert all(result.rated for result in store.results())
        spent = store.spending()["served"]
        replies = [s.reply for e in store.episodes() if "served" in e.players for s in e.steps_of(0)]
    assert (spent.replies, spent.retries, spent.failed) == (len(replies), 0, 0)
    assert (spent.prompt_tokens or 0) > 20 * len(replies)
    assert all(reply.text.endswith("</action>") for reply in replies if reply.usage.finish == "stop")


def test_the_engine_draws_what_transformers_draws_for_each_policy(server: VllmServer, tmp_path: Path) -> None:
    """Greedy tokens are equal and log-probabilities within 1e-4, for three adapters in turn."""
    import torch
    from peft import LoraConfig, get_peft_model

    from arena_agents.base import Sampling
    from arena_agents.causal_lm.load import load_model
    from arena_agents.engines.transformers import TransformersEngine
    from arena_agents.engines.vllm_server import load_server_engine

    engine = load_server_engine(f"nano@{server.url}", lora_rank=4)
    model, tokenizer = load_model(str(MODEL_DIR))
    torch.manual_seed(0)
    model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    local = TransformersEngine(model.eval(), tokenizer)
    prompts = [list(range(5 + n, 40 + 2 * n)) for n in range(16)]
    greedy = Sampling(temperature=0, max_new_tokens=8, stop=())
    seen = []
    for version in (1, 2, 3):
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05)
        model.save_pretrained(tmp_path / "same")  # one path for all: the cache must not be believed
        engine.load_policy(tmp_path / "same", version)
        served, expected = (e.generate(prompts, greedy, [0] * 16) for e in (engine, local))
        assert [s.token_ids for s in served] == [s.token_ids for s in expected]
        for one, other in zip(served, expected, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert {sample.policy_version for sample in served} == {version}
        seen.append([sample.logprobs for sample in served])
    assert seen[0] != seen[1] != seen[2]
    engine.close()


def test_the_engine_chooses_among_whole_replies_as_transformers_does(server: VllmServer) -> None:
    from arena_agents.base import Sampling
    from arena_agents.engines.vllm_server import load_server_engine
    from arena_agents.language.agent import load_language_agent

    engine = load_server_engine(f"nano@{server.url}", lora_rank=4)
    prompts = [list(range(5 + n, 40 + 2 * n)) for n in range(8)]
    choices = [[(5, 6, 7), (5, 8), (9,)], [(6, 7), (6, 8)]] * 4
    sampling = Sampling(temperature=1.5, decode="choice")
    served = engine.choose(prompts, choices, sampling, range(8))
    expected = load_language_agent("nano").engine.choose(prompts, choices, sampling, range(8))
    assert [s.token_ids for s in served] == [s.token_ids for s in expected]
    for one, other in zip(served, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert one.choices == other.choices
    engine.close()


def test_a_served_model_that_is_held_to_legal_replies(server: VllmServer, tmp_path: Path) -> None:
    out = tmp_path / "run"
    agents = f"random,served=nano@{server.url}[decode=choice]"
    done = arena("tournament", "--games", "snake", "--agents", agents, "--matches", "4", "--out", str(out))
    assert done.returncode == 0, done.stderr
    with Store.read(out) as store:
        played = [s for e in store.episodes() if "served" in e.players for s in e.steps_of(0)]
    assert played
    assert not any(step.invalid for step in played)


def test_two_processes_with_parts_of_the_model_have_one_server_play(
    server: VllmServer, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    settings = ["lora_rank=8", "learning_rate=0.0005", "groups=3", "group_size=8", "eval_episodes=4"]
    train = ["train", "frozen-lake", "--agent", f"nano@{server.url}", "--steps", "3", "--out", str(run)]
    train += [word for setting in settings for word in ("--set", setting)]
    launch = ["-m", "accelerate.commands.launch", "--use_fsdp", "--fsdp_version", "2", "--num_processes", "2"]
    launched = command(*train)
    launched["args"][1:1] = [*launch, "--main_process_port", str(free_port())]
    done = subprocess.run(**launched, capture_output=True, timeout=400)
    assert done.returncode == 0, done.stderr
    learned = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()[1:]]
    assert [row["step"] for row in learned] == [1, 2, 3]
    assert any(row["kl"] for row in learned)
    for row in learned:
        assert row["probe_error"] < 1e-4
        assert row["probe_slope"] is None or row["probe_slope"] == pytest.approx(1.0, abs=0.05)
    assert not (run / "engine").exists()


def test_runs_survive_the_death_of_their_server(server: VllmServer, tmp_path: Path) -> None:
    """Ten updates and a tournament; the server is killed in the middle of both and comes back."""
    trained, played = tmp_path / "trained", tmp_path / "played"
    agent = f"nano@{server.url}"
    settings = {"lora_rank": 8, "groups": 2, "group_size": 4, "eval_episodes": 4, "checkpoint_every": 1}
    train = ["train", "frozen-lake", "--agent", agent, "--steps", "10", "--out", str(trained)]
    train += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    compete = ["tournament", "--games", "snake", "--agents", f"random,served={agent}"]
    compete += ["--matches", "100", "--out", str(played)]

    with running(*train) as training:
        wait_for(lambda: len(steps(trained)) > 3, training)
        with running(*compete) as tournament:
            wait_for(lambda: sum("served" in name for name in stored(played)) > 0, tournament)
            server.kill()
            _, told = training.communicate(timeout=120)
            assert training.returncode == 2
            line = r"^arena: the server at .* is lost; when it is back, go on with arena train --resume"
            assert re.search(line, told, re.MULTILINE)
            _, warned = tournament.communicate(timeout=240)
    assert tournament.returncode == 1
    assert re.search(r"served: \d+ matches remain to be played, repeat the command; given up", warned)
    reached = steps(trained)
    assert 3 < len(reached) < 11
    assert any("(attempt 1)" in name for name in stored(played))

    server.start()
    again = arena("train", "--resume", str(trained))
    assert again.returncode == 0, again.stderr
    assert steps(trained) == list(range(11))
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()[1:]]
    assert all(row["probe_error"] < 1e-4 for row in rows)
    repeated = arena(*compete)
    assert repeated.returncode == 0, repeated.stderr
    whole = {name for name in stored(played) if "attempt" not in name}
    assert len(whole) == 200
    assert arena("verify", str(played)).returncode == 0
