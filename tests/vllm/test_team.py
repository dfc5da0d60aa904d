"""Two processes with vLLM in each, or one vLLM over both, and the model in parts: the run of one process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
SETTINGS = [
    *("lora_rank=8", "learning_rate=0.0005", "groups=4", "group_size=8", "steps=3"),
    *("eval_episodes=6", "eval_every=3", "checkpoint_every=3"),
]
ONE = []
TWO = ["accelerate.commands.launch", "--num_processes", "2", "--use_fsdp", "--fsdp_version", "2"]
KINDS = {"alone": (ONE, 1), "a vLLM each": (TWO, 1), "one vLLM over both": (TWO, 2)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of the same run, made in three ways."""
    return {kind: train(tmp_path_factory.mktemp("run") / "run", *how) for kind, how in KINDS.items()}


def train(folder, launcher, tensor_parallel):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    launcher = [*launcher, "--main_process_port", str(port), "-m"] if launcher else []
    settings = [*SETTINGS, "engine=vllm", f"tensor_parallel={tensor_parallel}"]
    options = [word for setting in settings for word in ("--set", setting)]
    command = ["arena", "train", "frozen-lake", "--agent", "nano", "--out", str(folder), *options]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The trained agent is in") == 1
    assert not (folder / "engine").exists()
    return folder


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "alone"])
def test_a_run_is_that_of_one_process(runs, kind):
    assert [row["step"] for row in rows(runs[kind])] == [0, 1, 2, 3]
    for found, expected in zip(rows(runs[kind]), rows(runs["alone"]), strict=True):
        for name in ("train/return", "eval/return", "kept_episodes", "tokens", "kl", "grad_norm", "entropy"):
            assert found.get(name) == pytest.approx(expected.get(name), abs=1e-4), name
    found, expected = (
        load_file(run / "last" / "adapter_model.safetensors") for run in (runs[kind], runs["alone"])
    )
    assert found.keys() == expected.keys()
    assert all(found[name] == pytest.approx(expected[name], abs=1e-4) for name in expected)


@pytest.mark.parametrize("kind", KINDS)
def test_every_engine_is_proven_to_follow(runs, kind):
    learned = [row for row in rows(runs[kind]) if row.get("kl")]
    assert learned
    for row in learned:
        assert row["probe_error"] < 1e-4
        assert row["probe_slope"] == pytest.approx(1.0, abs=0.05)
        assert row["engine_mismatch"] < 1e-4
