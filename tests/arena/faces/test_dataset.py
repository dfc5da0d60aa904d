"""A tournament's decisions as rows: each is what was seen, said and paid; `datasets` reads them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from typer.testing import CliRunner

from arena import Store, Tournament, UsageError, run_tournament
from arena.cli import app as cli
from arena.faces import dataset
from arena.faces.dataset import export_dataset
from arena_agents.language.template import load_template
from arena_games.registry import find_game

GAMES = "frozen-lake,snake-duel"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run_tournament(Tournament.of(GAMES, "random,search", out, matches=6))
    return out


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_row_is_a_decision(folder: Path) -> None:
    path, count = export_dataset(folder)
    rows, words = read(path), load_template()
    with Store.read(folder) as store:
        episodes = list(store.episodes())
    steps = [(episode, step) for episode in episodes for step in episode.steps]
    assert count == len(rows) == len(steps)
    for row, (episode, step) in zip(rows, steps, strict=True):
        spec = find_game(row["game"])
        assert row["episode"] == episode.id
        assert row["prompt"] == words.messages(spec, step.observation)
        assert row["completion"] == [{"role": "assistant", "content": step.reply.text}]
        assert row["action"] == spec.action_names[step.action]
        assert row["legal"] == [spec.action_names[action] for action in step.observation.legal]
        assert row["valid"] == (step.invalid is None)
        assert (row["reward"], row["return"]) == (step.reward, episode.returns[step.seat])


def test_advantages_are_against_who_began_alike(folder: Path) -> None:
    rows = read(export_dataset(folder)[0])
    returns: dict[Any, dict[str, float]] = defaultdict(dict)
    for row in rows:
        returns[row["game"], row["seed"], row["seat"]][row["episode"]] = row["return"]
    for row in rows:
        alike = returns[row["game"], row["seed"], row["seat"]].values()
        assert row["advantage"] == pytest.approx(row["return"] - fmean(alike))
    assert any(row["advantage"] for row in rows)


def test_winners_alone(folder: Path, tmp_path: Path) -> None:
    everyone = read(export_dataset(folder)[0])
    rows = read(export_dataset(folder, tmp_path / "won.jsonl", winners=True)[0])
    with Store.read(folder) as store:
        episodes = {episode.id: episode for episode in store.episodes()}

    def won(row: dict[str, Any]) -> bool:
        episode, seat = episodes[row["episode"]], row["seat"]
        if row["game"] == "frozen-lake" or len(set(episode.placements)) == 1:
            return episode.successes[seat]
        return episode.placements[seat] == 1

    assert rows == [row for row in everyone if row["valid"] and won(row)]
    assert 0 < len(rows) < len(everyone)


def test_datasets_reads_them(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path, count = export_dataset(folder)
    loaded = datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.num_rows == count
    assert [dict(row) for row in loaded.select(range(5))] == read(path)[:5]


def test_the_command(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    done = CliRunner().invoke(cli.app, ["export", str(folder), "--dataset", "--winners", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert f"{len(read(out))} decisions are in" in done.stdout


def test_a_game_of_another_version_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export_dataset(folder, tmp_path / "rows.jsonl")[0]
    before = path.read_bytes()
    monkeypatch.setattr(dataset, "stored_game", lambda name: replace(find_game(name), version=99))
    with pytest.raises(UsageError, match="here it is 99"):
        export_dataset(folder, path)
    assert path.read_bytes() == before
