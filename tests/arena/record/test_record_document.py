"""docs/record.md is true: a simulator made from it reproduces stored runs, and its tables are the file's."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from arena.match.seeds import Split, decision_seed, episode_seed
from arena.record import rows
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena_games.registry import BUILT_IN
from tests.arena.record import naive

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
SCRIPTED = ROOT / "tests" / "arena" / "scripted.py"
GAMES = [spec.name for spec in BUILT_IN]


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> list[naive.Stored]:
    """A tournament of players of many strengths, one of whom babbles, in all six scenarios."""
    out = tmp_path_factory.mktemp("run")
    players = f"random,search,quarter={SCRIPTED}:Quarter,babbling={SCRIPTED}:Babbler"
    run(Tournament.of(GAMES, players, out, seed=5, matches=24))
    return list(naive.stored_episodes(out / "run.sqlite"))


@pytest.mark.parametrize("game", GAMES)
def test_a_simulator_from_the_document_reproduces_what_is_stored(
    game: str, episodes: list[naive.Stored]
) -> None:
    played = [episode for episode in episodes if episode.game == game]
    assert len(played) >= 24
    assert {episode.id: found for episode in played if (found := naive.differences(episode))} == {}


def test_what_was_reproduced_is_worth_the_name(episodes: list[naive.Stored]) -> None:
    """Invalid replies, deaths, apples, slips, both ends, shared places: all of it is there."""
    steps = [step for episode in episodes for step in episode.steps]
    assert sum(step[6] is not None for step in steps) > 20
    assert {step[7] for step in steps} == {-1.0, 0.0, 1.0}
    assert Counter(episode.end for episode in episodes).keys() == {"finished", "truncated"}
    assert any(len(set(e.placements)) < len(e.placements) > 1 for e in episodes)
    assert {seed >> 46 for seed in (episode.seed for episode in episodes)} == {3}


def test_the_simulator_sees_a_change(episodes: list[naive.Stored]) -> None:
    for stored in (episodes[0], episodes[-1]):
        seat, turn, seen, legal, reply, action, invalid, reward = stored.steps[-1]
        changed_step = (seat, turn, seen, legal, reply, 3 - action, invalid, reward)
        for changed in (
            replace(stored, seed=stored.seed + 1),
            replace(stored, returns=[value + 1 for value in stored.returns]),
            replace(stored, steps=stored.steps[:-1]),
            replace(stored, steps=[*stored.steps[:-1], changed_step]),
        ):
            assert naive.differences(changed)


@pytest.mark.parametrize("split", Split)
def test_the_documents_numbers_are_those_of_the_program(split: Split) -> None:
    assert naive.D(3, 0, 7) == decision_seed(3, 0, 7)
    for index in ((0,), (4, 2)):
        expected = int(split) * 2**46 + naive.D(int(split), 9, *index) % 2**46
        assert episode_seed(split, 9, *index) == expected


def documented_tables() -> dict[str, list[tuple[str, str, bool]]]:
    """Columns with type and not-null by table, from the document's own tables."""
    found = {}
    for name, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", DOCUMENT, re.DOTALL | re.MULTILINE):
        columns = re.findall(r"^\| `(\w+)` \| (\w+) \| (yes|) ?\|", section, re.MULTILINE)
        found[name] = [(column, type_, bool(needed)) for column, type_, needed in columns]
    return found


def test_the_documented_tables_are_the_files() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(rows.SCHEMA)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    actual = {
        table: [(row[1], row[2], bool(row[3])) for row in connection.execute(f"PRAGMA table_info({table})")]
        for table in tables
    }
    assert documented_tables() == actual
    assert f"`PRAGMA user_version` = {rows.SCHEMA_VERSION}" in DOCUMENT
    assert f"0x{rows.APPLICATION_ID:X}" in DOCUMENT


def test_every_primary_key_is_documented() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(rows.SCHEMA)
    for table, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", DOCUMENT, re.DOTALL | re.MULTILINE):
        keys = {row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]}
        (line,) = [line for line in section.splitlines() if "primary key" in line]
        described, _, others = line.partition("primary key")
        named = set(re.findall(r"^\| `(\w+)`", described)) | set(re.findall(r"`(\w+)`", others))
        assert named == keys, table
