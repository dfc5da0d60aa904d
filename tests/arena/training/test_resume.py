"""What a run that goes on may be told, what it makes anew, and what is left of one that cannot begin."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arena.machine.files import lock_folder
from arena.tournament.teach import sft
from arena.training.options import TrainOptions
from arena.training.resume import resumed_config
from arena.training.run_folder import RunFolder
from arena.training.start import train
from arena_games.base import UsageError

DQN = {"game": "frozen-lake", "agent": "dqn"}
SMALL_DQN = ["episodes=2", "updates=2", "warmup=1", "eval_episodes=2", "checkpoint_every=2", "eval_every=2"]
NANO = {"game": "frozen-lake", "agent": "nano"}
SMALL_NANO = ["groups=1", "group_size=2", "eval_episodes=2", "checkpoint_every=1", "eval_every=1"]


def small_dqn(out: Path, steps: int = 6, **asked: Any) -> Path:
    return train(**DQN, out=out, steps=steps, settings=SMALL_DQN, **asked)


def small_nano(out: Path, steps: int = 2, **asked: Any) -> Path:
    return train(**NANO, out=out, steps=steps, settings=SMALL_NANO, **asked)


@pytest.fixture(scope="module")
def nano_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_nano(tmp_path_factory.mktemp("nano") / "run")


@pytest.fixture
def dqn_run(tmp_path: Path) -> Path:
    return small_dqn(tmp_path / "dqn")


def copied(run: Path, to: Path) -> Path:
    shutil.copytree(run, to)
    return to


def steps_of(run: Path) -> list[int]:
    return [row["step"] for row in RunFolder.open(run).metrics()]


# What it may be told.


def test_more_steps_extend_a_run(dqn_run: Path) -> None:
    assert train(resume=dqn_run, steps=9) == dqn_run
    assert steps_of(dqn_run) == list(range(1, 10))
    assert json.loads((dqn_run / "config.json").read_text())["steps"] == 9
    stored = json.loads((dqn_run / "environment.json").read_text())
    assert stored["extended"] == [{"after": 6, "from": 6, "to": 9}]
    train(resume=dqn_run)  # the new number is the run's own
    assert steps_of(dqn_run) == list(range(1, 10))


def test_a_language_model_goes_on_too_by_set(nano_run: Path, tmp_path: Path) -> None:
    run = copied(nano_run, tmp_path / "run")
    train(resume=run, settings=["steps=3"])
    assert steps_of(run) == [0, 1, 2, 3]
    assert steps_of(nano_run) == [0, 1, 2]
    weights = [(folder / "last" / "model.safetensors").read_bytes() for folder in (run, nano_run)]
    assert weights[0] != weights[1]


def test_an_extension_that_is_killed_is_not_taken_for_a_finished_run(dqn_run: Path) -> None:
    resumed_config(RunFolder.open(dqn_run), TrainOptions(steps=9, resume=dqn_run))
    assert not (dqn_run / "last").exists()
    assert (dqn_run / "best" / "agent.json").is_file()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"steps": 4}, "has done 6 steps; with --resume name 6 or more"),
        ({"seed": 3}, "was started with seed=0 and goes on with it; leave seed=3 out"),
        ({"game": "snake"}, "was started with game=frozen-lake and goes on with it; leave game=snake out"),
        ({"agent": "nano"}, "was started with agent=dqn"),
        ({"opponents": "self"}, "was started with opponents=house"),
        ({"settings": ["episodes=9"]}, "was started with episodes=2"),
        ({"settings": ["groups=9"]}, "unknown setting 'groups'"),
        ({"out": "elsewhere"}, "leave --out elsewhere out"),
    ],
)
def test_what_would_make_another_run_of_it_is_refused_by_name(
    dqn_run: Path, asked: dict[str, Any], said: str
) -> None:
    before = (dqn_run / "metrics.jsonl").read_bytes()
    with pytest.raises(UsageError, match=said):
        train(resume=dqn_run, **asked)
    assert (dqn_run / "metrics.jsonl").read_bytes() == before
    assert (dqn_run / "last").is_dir()


def test_a_config_file_is_refused_by_what_it_changes(dqn_run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("capacity = 77\n")
    with pytest.raises(UsageError, match=r"capacity=\d+ and goes on with it; leave capacity=77 out"):
        train(resume=dqn_run, config_file=tmp_path / "mine.toml")


def test_a_template_is_refused_unless_it_is_the_runs_own(nano_run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("[user]\n{observation} Well?\n")
    with pytest.raises(UsageError, match=f"another template and goes on with it; leave --template {other}"):
        train(resume=nano_run, template=other)
    run = small_nano(tmp_path / "run", template=other)
    (run / "last").rename(run / "gone")
    train(resume=run, template=other)
    assert "Well?" in json.loads((run / "last" / "agent.json").read_text())["template"]


def test_what_it_was_started_with_may_be_said_again(dqn_run: Path) -> None:
    shutil.rmtree(dqn_run / "last")
    train(**DQN, resume=dqn_run, seed=0, steps=6, settings=SMALL_DQN, out=dqn_run)
    assert (dqn_run / "last").is_dir()


def test_settings_of_the_machine_hold_while_it_runs(nano_run: Path, tmp_path: Path) -> None:
    run = copied(nano_run, tmp_path / "run")
    stored = (run / "config.json").read_bytes()
    config = resumed_config(
        RunFolder.open(run), TrainOptions(resume=run, engine="transformers", settings=["micro_tokens=99"])
    )
    assert (config.engine, config.micro_tokens) == ("transformers", 99)  # type: ignore[attr-defined]
    assert (run / "config.json").read_bytes() == stored


# What it makes anew.


@pytest.mark.parametrize("gone", [("last",), ("best",), ("best", "last")])
def test_policies_come_back_from_the_checkpoint(
    nano_run: Path, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    run = copied(nano_run, tmp_path / "run")
    for name in gone:
        shutil.rmtree(run / name)
    train(resume=run)
    for name in ("best", "last"):
        weights = [(folder / name / "model.safetensors").read_bytes() for folder in (run, nano_run)]
        assert weights[0] == weights[1], name


def test_those_of_a_dqn_too(dqn_run: Path, tmp_path: Path) -> None:
    run = copied(dqn_run, tmp_path / "run")
    for name in ("best", "last"):
        shutil.rmtree(run / name)
    train(resume=run)
    for name in ("best", "last"):
        found, wanted = (sorted((folder / name).iterdir()) for folder in (run, dqn_run))
        assert [path.read_bytes() for path in found] == [path.read_bytes() for path in wanted]


def test_a_policy_between_two_renames_is_put_back(dqn_run: Path) -> None:
    (dqn_run / "last").rename(dqn_run / "last.old")
    (dqn_run / "last.new").mkdir()
    (dqn_run / "last.new" / "half").write_text("")
    RunFolder.open(dqn_run).mend()
    assert (dqn_run / "last" / "agent.json").is_file()
    assert not [path for path in dqn_run.iterdir() if path.name.startswith("last.")]


def test_rows_that_are_missing_before_a_checkpoint_send_it_back_to_an_older_one(dqn_run: Path) -> None:
    whole = (dqn_run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (dqn_run / "metrics.jsonl").write_bytes(b"".join(whole[:5]))  # the checkpoints are of steps 4 and 6
    train(resume=dqn_run)
    assert steps_of(dqn_run) == list(range(1, 7))
    assert sorted(path.name for path in (dqn_run / "checkpoints").iterdir()) == ["step-000004", "step-000006"]


def test_where_no_checkpoint_has_its_rows_one_line_says_so(dqn_run: Path) -> None:
    whole = (dqn_run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (dqn_run / "metrics.jsonl").write_bytes(b"".join(whole[:2]))
    with pytest.raises(
        UsageError, match="lacks 2 of the steps before the oldest checkpoint, 3 first"
    ) as caught:
        train(resume=dqn_run)
    assert "\n" not in str(caught.value)


STRAY = [b"\0" * 40 + b"\n", b"\xff\xfe rubbish\n", b"[1]\n", b'{"step": "x"}\n', b"null\n", b'{"step": 7']


@pytest.mark.parametrize("stray", STRAY)
def test_stray_bytes_at_the_end_are_written_over(dqn_run: Path, stray: bytes) -> None:
    wanted = (dqn_run / "metrics.jsonl").read_bytes()
    (dqn_run / "metrics.jsonl").write_bytes(wanted + stray)
    if stray.endswith(b"\n"):
        with pytest.raises(UsageError, match=r"metrics.jsonl is damaged in line 7; go on with --resume"):
            RunFolder.open(dqn_run).metrics()
    train(resume=dqn_run)
    assert (dqn_run / "metrics.jsonl").read_bytes() == wanted


# Who else is there.


def test_a_second_training_in_a_folder_is_refused_and_harms_nothing(dqn_run: Path) -> None:
    before = {path: path.read_bytes() for path in dqn_run.rglob("*") if path.is_file()}
    lock = lock_folder(dqn_run, "training in")
    try:
        for asked in (["--resume", str(dqn_run)], ["frozen-lake", "--agent", "dqn", "--out", str(dqn_run)]):
            second = subprocess.run(
                [sys.executable, "-m", "arena", "train", *asked], capture_output=True, text=True
            )
            assert second.returncode == 2
            assert second.stderr == (
                f"arena: another process is training in {dqn_run}; wait for it, or choose another --out\n"
            )
    finally:
        lock.release()
    assert {path: path.read_bytes() for path in dqn_run.rglob("*") if path.is_file()} == before


# What is left of a run that cannot begin.


def test_a_mistyped_template_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*typo"):
        small_nano(tmp_path / "run", template=tmp_path / "typo.txt")
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine.txt").write_text("[user]\n{observation} Well?\n")
    run = small_nano(tmp_path / "run", steps=1, template=tmp_path / "mine.txt")
    assert "Well?" in json.loads((run / "last" / "agent.json").read_text())["template"]


@pytest.mark.parametrize("asked", [{"opponents": "nobody"}, {"teacher": "nobody"}])
def test_opponents_and_teachers_are_looked_at_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    def loaded(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("arena.training.language.training.load_model", loaded)
    begin: Any = sft if "teacher" in asked else train
    with pytest.raises(UsageError, match="unknown agent 'nobody'"):
        begin(**NANO, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_a_start_that_was_killed_half_way_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "start").mkdir(parents=True)
    (run / "template.txt").write_text("[user]\n{observation} Well?\n")
    small_nano(run, steps=1)
    assert not (run / "template.txt").exists()
    assert not (run / "start").exists()


def test_checkpoints_without_a_config_are_not_taken_for_a_new_runs(dqn_run: Path) -> None:
    (dqn_run / "config.json").unlink()
    with pytest.raises(UsageError, match="holds checkpoints of a run without config"):
        small_dqn(dqn_run)


def test_a_run_starts_from_a_read_only_policy(nano_run: Path, tmp_path: Path) -> None:
    source = copied(nano_run, tmp_path / "read-only")
    for path in [*source.rglob("*"), source]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        run = train("frozen-lake", str(source), out=tmp_path / "run", steps=1, settings=SMALL_NANO)
    finally:
        for path in [source, *source.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert all(path.stat().st_mode & stat.S_IWUSR for path in (run / "start").rglob("*"))


# The same numbers.


def test_a_run_goes_on_with_the_threads_that_it_began_with(tmp_path: Path) -> None:
    code = "import sys; from tests.arena.training.test_resume import small_dqn; small_dqn(sys.argv[1], 2)"
    again = (
        "import sys, torch; from arena import train; train(resume=sys.argv[1], steps=3); "
        "print(torch.get_num_threads())"
    )
    run = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, "-c", code, str(run)], check=True, env={**environment, "OMP_NUM_THREADS": "2"}
    )
    assert json.loads((run / "environment.json").read_text())["threads"] == 2
    said = subprocess.run(
        [sys.executable, "-c", again, str(run)],
        check=True,
        capture_output=True,
        text=True,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )
    assert said.stdout.strip() == "2"
