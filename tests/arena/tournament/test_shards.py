"""A tournament that is cut into shards and merged is the one that was played whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.match import Match
from arena.record import seals
from arena.record.merge import LEDGER, merge
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.tournament.plan import Tournament
from arena.tournament.run import UntilSeparated, run
from arena.tournament.shard import Shard
from arena_games.base import UsageError
from tests.arena.tournament.test_crash import board, contents

GAMES, AGENTS, MATCHES = "frozen-lake,snake-duel", "a=random,b=random,c=search", 12


def planned(out: Path, seed: int = 4) -> Tournament:
    return Tournament.of(GAMES, AGENTS, out, seed=seed, matches=MATCHES)


def play(out: Path, *shards: str, seed: int = 4) -> None:
    for shard in shards:
        run(planned(out, seed), shard=Shard.parse(shard), workers=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("whole")
    run(planned(out), workers=1)
    return out


@pytest.fixture(scope="module")
def cut_in_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("cut")
    play(out, "1/3", "2/3", "3/3")
    return out


@pytest.fixture
def cut(cut_in_three: Path, tmp_path: Path) -> Path:
    """A copy of the three shards."""
    shutil.copytree(cut_in_three, tmp_path / "cut")
    return tmp_path / "cut"


@given(shards=st.integers(1, 40), count=st.integers(0, 200))
def test_shards_are_equally_long_and_share_nothing(shards: int, count: int) -> None:
    parts = [Shard(number, shards).part(count) for number in range(1, shards + 1)]
    assert [index for part in parts for index in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_the_shards_of_a_schedule_are_the_schedule(tmp_path: Path, shards: int) -> None:
    whole, cut = planned(tmp_path), [Shard(k + 1, shards) for k in range(shards)]
    found = [match for shard in cut for match in whole.schedule((), shard)]
    assert ids(found) == ids(whole.schedule())
    left_out = {("b", "snake-duel")}
    found = [match for shard in cut for match in whole.schedule(left_out, shard)]
    assert ids(found) == ids(whole.schedule(left_out))


def ids(matches: Iterable[Match]) -> Counter[str]:
    return Counter(match.id for match in matches)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", "１/３", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--shard is K/N"):
        Shard.parse(text)


def test_merged_shards_are_the_tournament_that_was_played_whole(cut: Path, whole: Path) -> None:
    merged = merge(cut)
    assert (merged.added, merged.twice, merged.missing) == (len(contents(whole)), 0, [])
    assert contents(cut) == contents(whole)
    assert board(cut) == board(whole)
    assert verify(cut, processes=1).faults == []
    run(
        planned(cut), until=UntilSeparated(len(contents(whole)) + 12), workers=1
    )  # an ordinary run: it goes on
    assert len(contents(cut)) > len(contents(whole))


def test_the_ledger_says_who_brought_what(cut: Path) -> None:
    merge(cut)
    ledger = json.loads((cut / LEDGER).read_text(encoding="utf-8"))
    assert [entry["shard"] for entry in ledger["shards"]] == ["1/3", "2/3", "3/3"]
    assert sum(entry["episodes"] for entry in ledger["shards"]) == ledger["episodes"] == len(contents(cut))
    for entry in ledger["shards"]:
        file = cut / entry["folder"] / FILE_NAME
        assert entry["file_blake2b"] == seals.file_digest_of(file)
        assert entry["episodes"] == sum(entry["games"].values()) == len(contents(file.parent))


def test_merging_again_changes_nothing_and_shards_may_come_later(cut: Path, whole: Path) -> None:
    shutil.move(cut / "shards" / "2-of-3", cut.parent / "late")
    first = merge(cut)
    assert first.missing == ["shard 2/3 is missing: play it with --shard 2/3, then merge again"]
    second = merge(cut, [cut.parent / "late"])
    assert (second.added, second.twice) == (len(contents(whole)) - first.added, 0)
    before = (cut / FILE_NAME).read_bytes()
    shutil.move(cut.parent / "late", cut / "shards" / "2-of-3")
    again = merge(cut)
    assert (again.added, again.twice, again.missing) == (0, len(contents(whole)), [])
    assert (cut / FILE_NAME).read_bytes() == before
    assert contents(cut) == contents(whole)


def test_a_shard_that_is_not_played_to_its_end_is_named(tmp_path: Path) -> None:
    play(tmp_path, "1/2")
    folder = tmp_path / "shards" / "1-of-2"
    with Store.read(folder) as store:
        config, count = store.meta("config"), store.count()
    longer = config | {"shard": config["shard"] | {"matches": count + 7}}
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(longer),))
        seals.seal_meta(connection)
    lines = merge(tmp_path).missing
    assert lines[0].startswith("shard 2/2 is missing")
    assert lines[1].endswith(f"holds {count} of {count + 7} matches: repeat its command")


def change(folder: Path, statement: str, *, sealed: bool = True) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute(statement)
        if sealed:
            connection.execute("DELETE FROM seals WHERE subject > 0")
            seals.seal_episodes(connection)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE steps SET action = 1 - action WHERE episode = 2 AND position = 0",
            "step 0 has another action",
        ),
        (
            "UPDATE steps SET reward = reward + 1 WHERE episode = 2 AND position = 0",
            "step 0 has another reward",
        ),
        ("DELETE FROM steps WHERE position > 0", "there are [0-9]+ and not [0-9]+ steps"),
        ("UPDATE episodes SET returns = '[0.5]' WHERE number = 2", "there are other returns"),
        ("UPDATE episodes SET detail = X'61' WHERE number = 2", "it ended otherwise"),
    ],
)
def test_a_match_that_was_played_twice_and_not_alike_is_an_error(
    cut: Path, statement: str, told: str
) -> None:
    merge(cut)
    change(cut / "shards" / "1-of-3", statement)
    with pytest.raises(UsageError, match=rf"frozen-lake:.* was played twice and not alike: .*{told} in "):
        merge(cut)


def test_only_the_time_may_differ(cut: Path) -> None:
    merge(cut)
    change(cut / "shards" / "1-of-3", "UPDATE steps SET seconds = seconds + 1")
    assert merge(cut).added == 0


def test_a_broken_seal_is_an_error(cut: Path) -> None:
    change(cut / "shards" / "1-of-3", "UPDATE steps SET seconds = 9 WHERE episode = 2", sealed=False)
    with pytest.raises(UsageError, match="its seal is broken; leave that shard out"):
        merge(cut)


def test_a_text_that_was_changed_is_an_error(cut: Path) -> None:
    change(cut / "shards" / "1-of-3", "UPDATE packed SET text = X'61'", sealed=False)
    with pytest.raises(UsageError, match=r"a text of episode [0-9]+ was changed"):
        merge(cut)


def test_shards_of_other_tournaments_and_other_cuts_are_refused(cut: Path, tmp_path: Path) -> None:
    play(tmp_path / "other", "1/3", seed=5)
    with pytest.raises(UsageError, match="are of tournaments with other seed"):
        merge(tmp_path / "out", [cut / "shards" / "1-of-3", tmp_path / "other" / "shards" / "1-of-3"])
    play(cut, "1/2")
    with pytest.raises(UsageError, match="these are shards of 2 and of 3; merge those of one cut"):
        merge(cut)
    with pytest.raises(UsageError, match="has no shards; play them with"):
        merge(tmp_path / "nothing")


def test_a_shard_does_not_train_and_does_not_separate(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not trained yet: dqn@frozen-lake; .* with --train only"):
        run(Tournament.of("frozen-lake", "random,dqn", tmp_path, matches=2), shard=Shard(1, 2))
    with pytest.raises(UsageError, match="use --until-separated on the merged run"):
        run(planned(tmp_path), shard=Shard(1, 2), until=UntilSeparated())
    assert list(tmp_path.iterdir()) == []


def test_the_commands(tmp_path: Path, whole: Path) -> None:
    common = ["--games", GAMES, "--agents", AGENTS, "--matches", "12", "--seed", "4", "--out", str(tmp_path)]
    for shard in ("1/2", "2/2"):
        done = CliRunner().invoke(cli.app, ["tournament", *common, "--shard", shard])
        assert done.exit_code == 0, done.output
        joined = CliRunner().invoke(cli.app, ["merge", str(tmp_path)])
        assert joined.exit_code == (1 if shard == "1/2" else 0)
    assert f"holds {len(contents(whole))} episodes" in joined.stdout.replace(",", "")
    assert contents(tmp_path) == contents(whole)
