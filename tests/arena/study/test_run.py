"""Cells that are really trained and played: once, gone on with where they stopped, and named if they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from arena.match.evaluate import evaluate
from arena.study.config import parse_study
from arena.study.forecast import forecast
from arena.study.outcomes import Asked, play_outcomes
from arena.study.plan import Plan, make_plan
from arena.study.run import run_cells, steps_done, unfinished
from arena.study.worker import RUN, Job, work, write_job
from arena.training.options import TrainOptions
from arena.training.start import start
from arena_agents.registry import make_agent
from arena_games.registry import find_game

STUDY = """
title = "small"
seeds = 1
[base]
game = "frozen-lake"
agent = "dqn"
[base.settings]
steps = 2
episodes = 4
eval_every = 1
eval_episodes = 4
warmup = 0
updates = 1
[references]
search = "search"
[evaluation]
episodes = 6
games = ["frozen-lake"]
"""


class Told:
    def __init__(self) -> None:
        self.errors: dict[str, str | None] = {}

    def started(self, name: str) -> None: ...

    def look(self) -> None: ...

    def ended(self, name: str, error: str | None) -> None:
        self.errors[name] = error


def plan_of(text: str = STUDY) -> Plan:
    return make_plan("small", parse_study(text, "small"))


def test_cells_are_run_once_and_one_that_fails_is_named(tmp_path: Path) -> None:
    plan = plan_of()
    broken = plan_of(STUDY.replace('search = "search"', 'lost = "hf:/nowhere"'))
    told = Told()
    ended = run_cells(broken, tmp_path, workers=2, watcher=told)
    lost = broken.references["lost"].key
    assert set(ended.errors) == {lost}
    assert "nowhere" in ended.errors[lost]
    assert (ended.before, ended.done) == (0, 1)
    left = unfinished(plan, tmp_path)  # the dqn is there already
    assert [cell.agent for cell in left] == ["search"]


def test_a_stopped_training_goes_on_and_nothing_is_done_twice(tmp_path: Path) -> None:
    plan = plan_of()
    cell = plan.arms[0].cells[0]
    folder = cell.folder(tmp_path)
    write_job(folder, Job.of(cell, plan.study.evaluation))
    config = {k: v for k, v in dict(cell.config or {}).items() if k != "version"}

    def stop(row: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(TrainOptions(out=folder / "run", settings=config), on_step=stop)
    assert not (folder / "run" / "last").exists()
    work(folder)
    assert cell not in unfinished(plan, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json*")}
    work(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json*")} == files


def test_outcomes_are_those_of_arena_eval_and_more_episodes_go_on(tmp_path: Path) -> None:
    game, agent = find_game("frozen-lake-slippery"), make_agent("random")
    few = play_outcomes(agent, Asked("base", game, 5, 3, "sampled"), tmp_path)
    more = play_outcomes(agent, Asked("base", game, 12, 3, "sampled"), tmp_path)
    assert more.returns[:5] == few.returns
    assert len(more) == 12
    (row,) = evaluate("random", agent, [game], episodes=12, seed=3)
    assert sum(more.returns) / 12 == pytest.approx(row.mean_return)
    assert sum(more.invalid) / sum(more.decisions) == pytest.approx(row.invalid_rate)
    path = tmp_path / "outcomes" / "base@frozen-lake-slippery@as-it-is.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"version": 1}))  # of another version of the game
    assert not len(Asked("base", game, 12, 3, "sampled").found(tmp_path))


def test_a_forecast_counts_what_is_left_and_keeps_nothing(tmp_path: Path) -> None:
    plan = plan_of(STUDY.replace("seeds = 1", "seeds = 3"))
    said: list[str] = []
    found = forecast(plan, tmp_path, said.append)
    assert (found.trainings, found.untrained) == (3, 1)
    assert found.episodes == 3 * 2 * 2 * 6 + 3 * 6  # best and last, sampled and greedy; search at three
    assert said == [
        "sampling 32 episodes: search on frozen-lake",
        "sampling 2 updates: dqn on frozen-lake",
        "sampling 32 episodes: dqn on frozen-lake",
    ]
    assert found.training_seconds > 0
    assert found.evaluation_seconds > 0
    assert found.hours(2) == pytest.approx(found.hours(1) / 2)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_killed_study_comes_to_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(STUDY.replace("steps = 2", "steps = 40").replace("seeds = 1", "seeds = 2"))

    def command(out: Path) -> list[str]:
        return [sys.executable, "-m", "arena", "study", str(file), "--out", str(out), "--workers", "2"]

    killed = subprocess.Popen(command(tmp_path / "killed"), stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while not any((tmp_path / "killed").glob("cells/*/run/metrics.jsonl")):
        assert time.monotonic() - began < 300
        time.sleep(0.05)
    workers = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.wait()
    psutil.wait_procs(workers, timeout=60)  # they notice by themselves
    for name in ("killed", "whole"):
        subprocess.run(command(tmp_path / name), check=True, capture_output=True)
    for name in ("study.json", "study.md", "study.html"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.timeout(300)
def test_progress_waits_for_no_fifo(tmp_path: Path) -> None:
    cell = plan_of().cells[0]
    run = cell.folder(tmp_path) / RUN
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"step": 0}\n{"step": 1}\n')
    assert steps_done(cell, tmp_path) == 1
    (run / "metrics.jsonl").unlink()
    os.mkfifo(run / "metrics.jsonl")
    assert steps_done(cell, tmp_path) == 0
