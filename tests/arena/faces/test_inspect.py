"""A tournament in Inspect's logs, read by Inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from arena import Store, Tournament, UsageError, run_tournament
from arena.faces.inspect import export_inspect


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run_tournament(Tournament.of("frozen-lake,snake-duel", "random,search", out, matches=4))
    return out


def test_inspect_reads_what_was_played(folder: Path) -> None:
    log = pytest.importorskip("inspect_ai.log")
    written = export_inspect(folder)
    assert len(written) == 4
    logs = [log.read_eval_log(str(path)) for path in written]
    assert {(one.eval.model, one.eval.task) for one in logs} == {
        (f"tmsg/{agent}", f"tmsg/{game}")
        for agent in ("random", "search")
        for game in ("frozen-lake", "snake-duel")
    }
    with Store.read(folder) as store:
        episodes = {episode.id: episode for episode in store.episodes()}
    seen = 0
    for one in logs:
        got = []
        for sample in one.samples:
            id_, _, seat = sample.id.rpartition(" seat ")
            steps = episodes[id_].steps_of(int(seat))
            assert [message.text for message in sample.messages] == [
                text for step in steps for text in (step.observation.text, step.reply.text)
            ]
            assert sample.scores["return"].value == episodes[id_].returns[int(seat)]
            got.append(sample.scores["return"].value)
        mean = {score.name: score.metrics["mean"].value for score in one.results.scores}["return"]
        assert mean == pytest.approx(sum(got) / len(got))
        seen += len(got)
    assert seen == sum(len(episode.players) for episode in episodes.values())


def test_it_says_what_is_missing(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai", None)
    with pytest.raises(UsageError, match="pip install 'tmsg-arena"):
        export_inspect(folder)
