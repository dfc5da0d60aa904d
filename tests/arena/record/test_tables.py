"""Episodes as rows: what they hold, that nothing is lost on the way, and that pandas is asked for by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from arena import Store, Tournament, UsageError, run_tournament
from arena.record.tables import episode_json


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run_tournament(Tournament.of("frozen-lake,snake-duel", "random,search", out, matches=3))
    return out


def test_rows_are_the_episodes(folder: Path) -> None:
    with Store.read(folder) as store:
        episodes = list(store.episodes())
        seats = list(store.episodes().rows())
        steps = list(store.episodes().rows(steps=True))
    assert [(row["episode"], row["return"]) for row in seats] == [
        (episode.id, got) for episode in episodes for got in episode.returns
    ]
    assert (
        len(steps)
        == sum(len(episode.steps) for episode in episodes)
        == sum(row["decisions"] for row in seats)
    )
    for episode in episodes:
        own = [row for row in steps if row["episode"] == episode.id]
        assert [row["step"] for row in own] == list(range(len(own)))
        assert all(row["reply"] == f"<action>{row['action_name']}</action>" for row in own)
        assert sum(row["reward"] for row in own) == pytest.approx(sum(episode.returns))
    json.dumps([seats, steps, episode_json(episodes[0])])


def test_it_is_an_iterator_and_one_game_can_be_asked_for(folder: Path) -> None:
    with Store.read(folder) as store:
        found = store.episodes("snake-duel")
        assert next(found).game == "snake-duel"
        assert {row["game"] for row in found.rows()} == {"snake-duel"}
        assert list(found) == []


def test_pandas_and_arrow_are_asked_for_only_when_used(folder: Path, monkeypatch: Any) -> None:
    for package, method in (("pandas", "to_pandas"), ("pyarrow", "to_arrow")):
        monkeypatch.setitem(sys.modules, package, None)
        with Store.read(folder) as store, pytest.raises(UsageError, match=f"pip install {package}"):
            getattr(store.episodes(), method)()


def test_a_data_frame(folder: Path) -> None:
    pytest.importorskip("pandas")
    with Store.read(folder) as store:
        frame, rows = store.episodes().to_pandas(), list(store.episodes().rows())
    assert len(frame) == len(rows)
    assert frame["return"].sum() == pytest.approx(sum(row["return"] for row in rows))


def test_an_arrow_table(folder: Path) -> None:
    pytest.importorskip("pyarrow")
    with Store.read(folder) as store:
        assert store.episodes().to_arrow(steps=True).num_rows > 0
