"""Comparing runs: paired by seed, and never more than what is stored; pruning takes only what is spare."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import mean, stdev

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from arena import MatchResult
from arena.cli import app as cli
from arena.record.paired import paired_returns

PAIRS = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=20)


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def alone(player: str, seed: int, got: float, *, rated: bool = True) -> MatchResult:
    return MatchResult("g", seed, (player,), (1,), (got,), (True,), (0,), (1,), (0.0,), rated=rated)


@given(PAIRS)
def test_pairs_are_seeds_and_the_interval_is_students_t(pairs: list[tuple[float, float]]) -> None:
    ours = [alone("a", seed, one) for seed, (one, _) in enumerate(pairs)]
    theirs = [alone("b", seed, two) for seed, (_, two) in enumerate(pairs)]
    extra = [alone("a", 99, 5.0), alone("a", 0, 100.0, rated=False), alone("c", 0, 7.0)]
    (found,) = paired_returns([*ours, *extra], "a", theirs, "b")
    differences = [two - one for one, two in pairs]
    assert found.seeds == len(pairs)
    assert found.difference == pytest.approx(mean(differences))
    if len(pairs) == 1:
        assert found.ci95 is None
        return
    reach = stats.t.ppf(0.975, len(pairs) - 1) * stdev(differences) / math.sqrt(len(pairs))
    assert found.ci95 == pytest.approx((mean(differences) - reach, mean(differences) + reach), abs=1e-9)


def test_a_seeds_return_is_the_mean_of_its_matches() -> None:
    (found,) = paired_returns([alone("a", 1, 0.0), alone("a", 1, 1.0)], "a", [alone("a", 1, 2.0)], "a")
    assert (found.first, found.second, found.difference) == (0.5, 2.0, 1.5)


def training(folder: Path, rate: float, *, steps: int = 1) -> Path:
    (folder / "best").mkdir(parents=True)
    (folder / "checkpoints" / "step-000001").mkdir(parents=True)
    (folder / "checkpoints" / "step-000001" / "policy").write_bytes(b"x" * 1000)
    config = {"algorithm": "dqn", "agent": "dqn", "game": "snake", "steps": steps, "learning_rate": rate}
    (folder / "config.json").write_text(json.dumps(config))
    rows = [{"step": 0, "episodes": 0, "eval/return": 0.5}, {"step": 1, "episodes": 8, "eval/return": rate}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_trainings(tmp_path: Path) -> None:
    first, second = training(tmp_path / "a", 0.25), training(tmp_path / "b", 2.0)
    shown = json.loads(arena("compare", first, second, "--json").stdout)
    assert shown["settings"] == [["learning_rate", 0.25, 2.0]]
    assert ["eval/return", 0.25, 2.0] in shown["ends"]
    assert ["best eval/return", 0.5, 2.0] in shown["ends"]
    assert shown["tests"] == {}
    assert "learning_rate" in arena("compare", first, second).stdout
    assert "--played-in RUN" in arena("compare", first, second).stdout


def test_tournaments(tmp_path: Path) -> None:
    for name, agents in (("a", "random,search"), ("b", "random")):
        few = ("--games", "frozen-lake", "--matches", 4, "--out", tmp_path / name)
        assert arena("tournament", "--agents", agents, *few).exit_code == 0
    shown = json.loads(arena("compare", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert [name for name, *_ in shown["settings"]] == ["agents"]
    ((game),) = shown["tests"]["random"]
    assert (game["seeds"], game["difference"], game["ci95"]) == (4, 0.0, [0.0, 0.0])
    assert "frozen-lake" in arena("compare", tmp_path / "a", tmp_path / "b").stdout
    wrong = arena("compare", tmp_path / "a", training(tmp_path / "c", 1.0))
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    missing = arena("compare", tmp_path / "c", tmp_path / "c", "--played-in", tmp_path / "a")
    assert "does not play in" in missing.stderr


def test_pruning_takes_the_checkpoints_of_what_is_finished(tmp_path: Path) -> None:
    done, going = training(tmp_path / "done", 1.0), training(tmp_path / "going", 1.0, steps=2)
    listed = json.loads(arena("prune", tmp_path, "--json").stdout)
    assert listed == {
        "removed": False,
        "bytes": 1000,
        "folders": [{"folder": str(done / "checkpoints"), "bytes": 1000}],
    }
    assert (done / "checkpoints").is_dir()
    assert "arena prune --yes" in arena("prune", tmp_path).stdout
    assert arena("prune", tmp_path, "--yes").exit_code == 0
    assert not (done / "checkpoints").exists()
    assert (done / "best").is_dir()
    assert (going / "checkpoints").is_dir()
