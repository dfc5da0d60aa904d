"""TensorBoard and Weights & Biases are told a run's numbers, and its sampled episodes as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.training.episode_table import COLUMNS, markdown_table, table_rows
from arena.training.run_folder import RunFolder
from arena.training.sampled import SampledEpisode, sampled_episodes
from arena.training.start import train
from tests.arena.views.training_runs import sampled

FEW = ["groups=2", "group_size=4", "eval_episodes=4", "eval_every=1"]


def trained(out: Path, logger: str) -> tuple[Path, list[SampledEpisode]]:
    settings = [*FEW, f'loggers=["{logger}"]']
    run = train(game="frozen-lake", agent="nano", out=out / "lake", steps=2, settings=settings)
    return run, [one for one in sampled_episodes(run) if one.step == 1]


def test_tensorboard_holds_numbers_and_episodes(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, kept = trained(tmp_path, "tensorboard")
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    told = {event.step: event.value for event in events.Scalars("train/return")}
    rows = RunFolder.open(run).metrics()
    assert told == pytest.approx({row["step"]: row["train/return"] for row in rows if "train/return" in row})
    (first, *_) = events.Tensors("sampled_episodes/text_summary")
    text = first.tensor_proto.string_val[0].decode()
    assert first.step == 1
    assert text == markdown_table(table_rows(kept))


def test_wandb_holds_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run, kept = trained(tmp_path, "wandb")
    wandb.finish()
    tables = sorted(run.glob("wandb/offline-run-*/files/media/table/sampled_episodes_*.table.json"))
    stored = json.loads(tables[0].read_text())
    assert stored["columns"] == list(COLUMNS)
    assert [row[1] for row in stored["data"]] == [step.turn for one in kept for step in one.steps]


def test_what_models_say_is_no_markup_in_a_table() -> None:
    said = "![x](http://host/x.png) `a` | b\n<script>\x1b[31m"
    head, rule, *lines = markdown_table(table_rows([sampled(1, said=said)])).split("\n")
    assert head.count("|") == rule.count("|") == len(COLUMNS) + 1
    for line in lines:
        assert line.count("|") == len(COLUMNS) + 1
        assert line.count("`") % 2 == 0
        assert "`![x](http://host/x.png) ˋaˋ ❘ b" in line
        assert "\x1b" not in line
