"""What breaks at any of its writes ends, done again, as what nobody disturbed: trainings, a tournament."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arena.machine.files import LOCK_NAME
from arena.record.merge import LEDGER, merge
from arena.record.verify import verify
from arena.tournament.plan import Tournament
from arena.tournament.run import run as hold
from arena.tournament.shard import Shard
from arena.tournament.teach import train as train_stored
from arena.training.start import train
from tests.arena import my_games
from tests.arena.faults import sweep
from tests.arena.tournament import test_crash

TIMES = ("seconds", "tokens_per_s", "peak_memory")
EACH_STEP = ("eval_episodes=2", "checkpoint_every=1", "eval_every=1")


def train_dqn(folder: Path) -> None:
    settings = ["episodes=2", "updates=2", "warmup=1", "hidden=8", "capacity=64", *EACH_STEP]
    _train(folder, "dqn", 3, settings)


def train_nano(folder: Path) -> None:
    _train(folder, "nano", 2, ["groups=1", "group_size=2", *EACH_STEP])


def _train(folder: Path, agent: str, steps: int, settings: list[str]) -> None:
    """Begin the run, or go on with it, as a user would who finds it broken."""
    if (folder / "config.json").exists():
        train(resume=folder)
    else:
        train("frozen-lake", agent, out=folder, steps=steps, settings=settings)


def train_league(folder: Path) -> None:
    game, settings = (
        f"{my_games.__file__}:PAIR",
        ["groups=1", "group_size=2", "league_seeds=1", "baseline=seat_ema", "decode=choice"],
    )
    if (folder / "config.json").exists():
        train_stored(resume=folder, trust=True)
    else:
        settings += ["opponents=league", "league_every=1", *EACH_STEP]
        train_stored(game, "nano", out=folder, steps=2, settings=settings)


def play(folder: Path) -> None:
    hold(Tournament.of("frozen-lake,snake-duel", "random,search", folder, matches=4), deadline_s=60.0)


def contents(folder: Path) -> dict[str, Any]:
    """Every file of a run but for what the clock decides."""
    return {
        str(path.relative_to(folder)): _but_for_the_time(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK_NAME
    }


def _but_for_the_time(path: Path) -> Any:
    if path.suffix == ".jsonl":
        return [_timeless(json.loads(line)) for line in path.read_text().splitlines()]
    return _timeless(json.loads(path.read_text())) if path.suffix == ".json" else path.read_bytes()


def _timeless(row: Any) -> Any:
    return {key: value for key, value in row.items() if not key.startswith(TIMES)}


def same_training(folder: Path) -> None:
    found, wanted = contents(folder), contents(folder.with_name("whole"))
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []


def same_league(folder: Path) -> None:
    """Every file but the matches' byte by byte, and of the matches what was played: their times differ."""
    found, wanted = contents(folder), contents(folder.with_name("whole"))
    assert found.keys() == wanted.keys()
    apart = [name for name in wanted if found[name] != wanted[name]]
    assert {name for name in apart if not name.startswith("league/run.sqlite")} == set()
    played = [test_crash.contents(run / "league") for run in (folder, folder.with_name("whole"))]
    assert sorted(map(str, played[0])) == sorted(map(str, played[1]))
    assert verify(folder / "league", processes=1, trust=True).faults == []


def same_tournament(folder: Path) -> None:
    whole = folder.with_name("whole")
    assert test_crash.contents(folder) == test_crash.contents(whole)
    assert test_crash.board(folder) == test_crash.board(whole)
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}
    assert verify(folder, processes=1).faults == []


@pytest.mark.parametrize(
    ("work", "same", "every", "least"),
    [
        (play, same_tournament, 3, 5),
        (train_dqn, same_training, 9, 8),
        (train_nano, same_training, 29, 3),
    ],
)
def test_broken_at_some_writes(tmp_path: Path, work: Any, same: Any, every: int, least: int) -> None:
    assert sweep(work, tmp_path, same, every=every) >= least


def merge_shards(folder: Path) -> None:
    """Into a folder that lies beside the two shards."""
    merge(folder, [folder.parent / "shards" / "shards" / f"{number}-of-2" for number in (1, 2)])


def same_merged(folder: Path) -> None:
    same_tournament(folder)
    ledgers = [(run / LEDGER).read_bytes() for run in (folder, folder.with_name("whole"))]
    assert ledgers[0] == ledgers[1]


def test_merging_broken_at_some_writes(tmp_path: Path) -> None:
    for number in (1, 2):
        asked = Tournament.of("frozen-lake,snake-duel", "random,search", tmp_path / "shards", matches=4)
        hold(asked, shard=Shard(number, 2), workers=1)
    assert sweep(merge_shards, tmp_path, same_merged, every=3) > 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "same"),
    [
        (play, same_tournament),
        (train_dqn, same_training),
        (train_nano, same_training),
        (train_league, same_league),
    ],
)
def test_broken_at_every_write(tmp_path: Path, work: Any, same: Any) -> None:
    print(sweep(work, tmp_path, same), "faults")
