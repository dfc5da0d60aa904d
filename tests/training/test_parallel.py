"""Two processes on one machine take the steps that one process takes, and one of them keeps the books."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from arena.training.config import MsgrpoConfig
from arena.training.dqn_config import DqnConfig
from arena.training.parallel import SOLO, Onlooker, Team, open_run, team_config
from arena.training.run import RunFolder
from arena_games.base import UsageError
from tests.training.team_worker import work

ROOT = Path(__file__).parents[2]


def launch(folder):
    """Two processes as a user starts them, but for the port; on a CPU they speak by gloo."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    options = ["--multi_gpu", "--num_processes", "2", "--main_process_port", str(port)]
    command = ["accelerate.commands.launch", *options, "-m", "tests.training.team_worker", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What one process leaves, what two leave, and what these said."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    done = launch(two)
    assert done.returncode == 0, done.stderr
    work(one, SOLO)
    return one, two, done.stdout + done.stderr


def test_gradients_weights_and_statistics_are_those_of_one_process(folders):
    one, two, _ = folders
    alone = load_file(one / "rank-0.safetensors")
    first, second = (load_file(two / f"rank-{rank}.safetensors") for rank in (0, 1))
    assert sum(float(g.abs().sum()) for name, g in alone.items() if name.startswith("gradient")) > 0.1
    for name, expected in alone.items():
        assert torch.allclose(first[name], expected, atol=1e-5), name
        assert torch.equal(first[name], second[name]), name


def test_a_run_is_that_of_one_process(folders):
    one, two, _ = folders
    rows = [
        [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    ]
    assert [row["step"] for row in rows[1]] == [0, 1, 2]
    for alone, together in zip(*rows, strict=True):
        for name in alone.keys() - {"tokens_per_s", "peak_memory"}:
            if not name.startswith("seconds"):
                assert together[name] == pytest.approx(alone[name], abs=1e-5), name
    assert rows[0][2]["kept_episodes"] > 0
    for policy in ("best", "last"):
        alone, together = (load_file(f / "run" / policy / "model.safetensors") for f in (one, two))
        assert all(torch.allclose(together[name], alone[name], atol=1e-5) for name in alone)


def test_only_the_first_process_writes_and_speaks(folders):
    _, two, said = folders
    assert {path.name for path in two.iterdir()} == {"rank-0.safetensors", "rank-1.safetensors", "run"}
    assert said.count("best held-out return") == 1
    assert not list((two / "run").glob("process-*"))


@given(st.integers(0, 40), st.integers(1, 9))
def test_shares_make_up_the_whole_in_order(count, size):
    items = list(range(count))
    shares = [Team(rank, size).share(items) for rank in range(size)]
    assert [item for share in shares for item in share] == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_is_exchanged():
    parameter = torch.nn.Parameter(torch.ones(2))
    SOLO.add_up_gradients([parameter])
    assert parameter.grad is None
    assert SOLO.gather("mine") == ["mine"]
    assert SOLO.add_up({"a": 2.0}) == {"a": 2.0}


def test_an_onlooker_writes_nothing(tmp_path):
    run = Onlooker(tmp_path / "run")
    run.log({"step": 1})
    run.rewind(0)
    run.save_checkpoint(1, lambda folder: folder.joinpath("x").write_text("x"))
    assert run.save_policy("best", lambda folder: None) == tmp_path / "run" / "best"
    run.discard_unstarted()
    assert not list(tmp_path.iterdir())


def test_a_run_is_opened_as_ever_by_one_process(tmp_path):
    made = RunFolder(tmp_path)
    assert open_run(SOLO, tmp_path, lambda: made) is made


def test_what_a_team_cannot_do_is_one_line():
    two = Team(0, 2, 2)
    config = MsgrpoConfig(game="snake", agent="nano")
    assert team_config(config, two).engine == "transformers"
    assert team_config(config, SOLO).engine == "auto"
    served = MsgrpoConfig(game="snake", agent="qwen3b@http://127.0.0.1:8000/v1")
    assert team_config(served, two) == served
    with pytest.raises(UsageError, match=r"SPEC@URL"):
        team_config(MsgrpoConfig(game="snake", agent="nano", engine="vllm"), two)
    with pytest.raises(UsageError, match="one process"):
        team_config(DqnConfig(game="snake", agent="dqn"), two)
