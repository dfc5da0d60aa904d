"""Two processes take the steps that one takes, each with the whole model or with parts of it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from arena.training.config import MsgrpoConfig
from arena.training.distributed.shards import as_shard, own_part, part_of, whole
from arena.training.distributed.team import SOLO, Team, join_team, said_once
from arena.training.dqn.config import DqnConfig
from arena.training.run_folder import RunFolder
from arena.training.start import settle, train
from arena_games.base import UsageError
from tests.arena.training.team_worker import KINDS, forget_the_last_step, work

ROOT = Path(__file__).parents[3]


LAUNCHES = {"copies": ["--multi_gpu"], "shards": ["--use_fsdp", "--fsdp_version", "2"]}


def launch(folder, options, module="team_worker", *more):
    """Two processes as a user starts them, but for the port; on a CPU they speak by gloo."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    options = [*options, "--num_processes", "2", "--main_process_port", str(port)]
    command = [
        "accelerate.commands.launch",
        *options,
        "-m",
        f"tests.arena.training.{module}",
        str(folder),
        *more,
    ]
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process leaves."""
    folder = tmp_path_factory.mktemp("one")
    work(folder, SOLO)
    return folder


@pytest.fixture(scope="module", params=LAUNCHES)
def together(request, tmp_path_factory):
    """What two processes leave, and what they said: with the whole model in each, or with parts of it."""
    folder = tmp_path_factory.mktemp("two")
    done = launch(folder, LAUNCHES[request.param])
    assert done.returncode == 0, done.stderr
    return folder, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_weights_and_statistics_are_those_of_one_process(alone, together, kind):
    expected = load_file(alone / f"{kind}-0.safetensors")
    first, second = (load_file(together[0] / f"{kind}-{rank}.safetensors") for rank in (0, 1))
    assert sum(float(g.abs().sum()) for name, g in expected.items() if name.startswith("gradient")) > 0.1
    assert first.keys() == second.keys() == expected.keys()
    for name, wanted in expected.items():
        assert torch.allclose(first[name], wanted, atol=1e-5), name
        assert torch.equal(first[name], second[name]), name


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(found, expected):
    """The same numbers, and the same policies, but for rounding."""
    assert [row["step"] for row in rows(found)] == [0, 1, 2]
    for there, wanted in zip(rows(found), rows(expected), strict=True):
        for name in wanted.keys() - {"tokens_per_s", "peak_memory"}:
            if not name.startswith("seconds"):
                assert there[name] == pytest.approx(wanted[name], abs=1e-5), name
    for policy in ("best", "last"):
        there, wanted = (load_file(run / policy / "model.safetensors") for run in (found, expected))
        assert all(torch.allclose(there[name], wanted[name], atol=1e-5) for name in wanted)


def test_a_run_is_that_of_one_process(alone, together):
    assert rows(alone / "run")[2]["kept_episodes"] > 0
    assert_same_run(together[0] / "run", alone / "run")


def test_one_process_goes_on_where_two_stopped(alone, together, tmp_path):
    run = shutil.copytree(together[0] / "run", tmp_path / "run")
    forget_the_last_step(run)
    train(game=None, agent=None, resume=run)
    assert_same_run(run, alone / "run")


def test_only_the_first_process_writes_and_speaks(together):
    folder, said = together
    written = {f"{kind}-{rank}.safetensors" for kind in KINDS for rank in (0, 1)}
    assert {path.name for path in folder.iterdir()} == {*written, "run"}
    assert said.count("best held-out return") == 2  # once after the start, once after going on
    assert not (folder / "run" / "engine").exists()


def test_where_the_first_cannot_write_none_waits_for_it(tmp_path):
    (tmp_path / "file").write_text("")
    done = launch(tmp_path, LAUNCHES["copies"], "team_fails", str(tmp_path / "file" / "run"))
    assert done.returncode != 0
    ended = [(tmp_path / f"rank-{rank}").read_text().split() for rank in (0, 1)]
    assert [kind for kind, _ in ended] == ["NotADirectoryError", "SystemExit"]
    assert abs(float(ended[0][1]) - float(ended[1][1])) < 20


def test_a_part_of_nothing_sharded_is_the_whole():
    tensor = torch.arange(6.0).reshape(2, 3)
    for change in (as_shard, part_of, whole):
        assert change(tensor, tensor) is tensor
    assert torch.equal(own_part(tensor), tensor)


def test_weights_left_in_cpu_memory_are_refused(monkeypatch):
    for name, value in {
        "WORLD_SIZE": "2",
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_OFFLOAD_PARAMS": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="fsdp_offload_params false"):
        join_team()


@given(st.integers(0, 40), st.integers(1, 9))
def test_shards_make_up_the_whole_in_order(count, size):
    items = list(range(count))
    shards = [Team(rank, size).shard(items) for rank in range(size)]
    assert [item for shard in shards for item in shard] == items
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_alone_nothing_is_exchanged():
    parameter = torch.nn.Parameter(torch.ones(2))
    SOLO.add_up_gradients([parameter])
    assert parameter.grad is None
    assert SOLO.gather("mine") == ["mine"]
    assert SOLO.add_up({"a": 2.0}) == {"a": 2.0}


class Pair(Team):
    """One of two processes that are asked in turn; what the first one gathers, the second one finds."""

    told = None

    def gather(self, mine):
        if self.is_main:
            Pair.told = mine
        return [Pair.told, mine]


def test_only_the_first_of_a_team_writes(tmp_path):
    run = RunFolder(tmp_path / "run", Pair(1, 2, 2))
    run.log({"step": 1})
    run.rewind(0)
    run.save_checkpoint(1, lambda folder: folder.joinpath("x").write_text("x"))
    assert run.save_policy("best", lambda folder: None) == tmp_path / "run" / "best"
    run.discard_unstarted()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), UsageError("no"), KeyError("k")])
def test_where_the_first_fails_all_fail_at_once(error):
    def fails():
        raise error

    with pytest.raises(type(error)):
        Pair(0, 2, 2).by_first(fails)
    told = RuntimeError if isinstance(error, KeyError) else type(error)
    with pytest.raises(told):
        Pair(1, 2, 2).by_first(fails)
    Pair(0, 2, 2).by_first(lambda: None)
    Pair(1, 2, 2).by_first(fails)  # which it does not do


def test_an_engine_over_several_processes_is_asked_alike():
    ranks = [Team(rank, 6, 6, together=2) for rank in range(6)]
    played = [list(team.shard_to_play(range(9))) for team in ranks]
    assert played == [[0, 1, 2]] * 2 + [[3, 4, 5]] * 2 + [[6, 7, 8]] * 2
    assert SOLO.shard_to_play("abc") == "abc"
    assert SOLO.gather_played("abc") == ["abc"]


def test_a_team_settles_what_plays(monkeypatch):
    two, four = Team(0, 2, 2), Team(0, 4, 4)
    config = MsgrpoConfig(game="snake", agent="nano")
    assert settle(config, SOLO) == (config, SOLO)
    assert settle(config, two) == (config.model_copy(update={"engine": "transformers"}), two)
    served = MsgrpoConfig(game="snake", agent="qwen3b@http://127.0.0.1:8000/v1")
    assert settle(served, two) == (served, two)
    monkeypatch.setattr("arena_agents.engines.choose.vllm_installed", lambda: True)
    over_two = config.model_copy(update={"engine": "vllm", "tensor_parallel": 2})
    assert settle(over_two, four) == (over_two, replace(four, together=2))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tensor_parallel": 3}, "4 processes cannot be divided by tensor_parallel=3"),
        ({"tensor_parallel": 2, "opponents": "gpt@http://127.0.0.1:8000/v1"}, "another opponent"),
        ({"lora_rank": 0}, "--set lora_rank=16"),
        ({"engine": "server"}, "SPEC@URL"),
    ],
)
def test_what_a_team_cannot_do_is_one_line(monkeypatch, settings, said):
    monkeypatch.setattr("arena_agents.engines.choose.vllm_installed", lambda: True)
    config = MsgrpoConfig(**{"game": "snake-duel", "agent": "nano", "engine": "vllm", **settings})
    with pytest.raises(UsageError, match=said):
        settle(config, Team(0, 4, 4))


def test_what_all_complain_of_the_first_one_says():
    with pytest.raises(UsageError, match="no such game"), said_once(Team(0, 2, 2)):
        raise UsageError("no such game")
    with pytest.raises(SystemExit), said_once(Team(1, 2, 2)):
        raise UsageError("no such game")


def test_a_dqn_is_trained_by_one_process():
    with pytest.raises(UsageError, match="one process"):
        settle(DqnConfig(game="snake", agent="dqn"), Team(0, 2, 2))
