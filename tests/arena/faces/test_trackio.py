"""A training that trackio follows: its own storage holds every number of every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.training.run_folder import RunFolder
from arena.training.sampled import sampled_episodes
from arena.training.start import train


def test_trackio_holds_what_the_run_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path / "trackio")
    settings = ["groups=2", "group_size=4", "eval_episodes=4", "eval_every=1", 'loggers=["trackio"]']
    train(game="frozen-lake", agent="nano", out=tmp_path / "lake", steps=2, settings=settings)
    trackio.finish()
    told = SQLiteStorage.get_logs("tmsg-arena", "lake")
    logged = {row["step"]: row for row in told if "sampled_episodes" not in row}
    rows = RunFolder.open(tmp_path / "lake").metrics()
    assert set(logged) == {0, 1, 2} == {row["step"] for row in rows}
    for row in rows:
        numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
        assert {name: logged[row["step"]][name] for name in numbers} == pytest.approx(numbers)
    kept = [one for one in sampled_episodes(tmp_path / "lake") if one.step == 1]
    (table,) = [
        row["sampled_episodes"]["_value"] for row in told if row["step"] == 1 and "sampled_episodes" in row
    ]
    assert [row["turn"] for row in table] == [step.turn for one in kept for step in one.steps]
    assert table[0]["action"] == f"`{kept[0].steps[0].action}`"
    assert table[0]["advantage"] == pytest.approx(kept[0].steps[0].advantage)
