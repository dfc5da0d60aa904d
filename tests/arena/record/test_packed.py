"""Texts are kept small and come out as they went in; files of earlier formats hold them whole and stay so."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import Episode
from arena.match.match import Match
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record import packed, rows, seals
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena_agents.limits import LARGEST_PACKED
from arena_games.registry import find_game
from tests.arena.players import Seeded

CONFIG: dict[str, object] = {"seed": 0}


def episodes(game: str, count: int) -> list[Episode]:
    spec = find_game(game)
    matches = [Match(spec, seed, seated(spec, ("a",) * len(spec.open_seats))) for seed in range(count)]
    return sorted(play(matches, {"a": Seeded(), **house_agents([spec])}), key=lambda episode: episode.id)


def file_of_format(folder: Path, version: int) -> None:
    """An empty run as the programs of that format made it."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.executescript(rows.schema(version))
        described = [("config", '{"seed": 0}'), ("environment", "{}")]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", described)
        seals.seal_meta(connection)


def stored(folder: Path, *played: list[Episode]) -> list[Episode]:
    """Put in, let go of, and read again."""
    with Store.open(folder, CONFIG, {}) as store:
        for some in played:
            store.add(some, (0,))
    with Store.read(folder) as store:
        return list(store.episodes())


def said(found: list[Episode]) -> list[tuple[str, str]]:
    return [(step.observation.text, step.reply.text) for episode in found for step in episode.steps]


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_what_was_packed_comes_out(text: bytes, base: bytes) -> None:
    assert packed.unpacked(packed.packed(text, base), base) == text
    assert packed.unpacked(packed.packed(base, base), base) == base


def test_what_is_not_packed_is_not_unpacked() -> None:
    whole = packed.packed(b"a board", b"base")
    for rubbish in (b"", b"\xff\xff", whole[:-1], whole + b"more", None, "text", 3):
        assert packed.unpacked(rubbish, b"base") is None
    assert packed.unpacked(whole, None) is None


def test_a_few_bytes_do_not_become_a_mountain() -> None:
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(LARGEST_PACKED + 1)) + packer.flush()
    assert len(bomb) < 10_000
    assert packed.unpacked(bomb, b"") is None


def test_a_games_texts_take_a_fraction_and_read_as_before(tmp_path: Path) -> None:
    lakes = episodes("frozen-lake", 60)
    now, before = tmp_path / "now", tmp_path / "before"
    before.mkdir()
    file_of_format(before, rows.WITHOUT_PACKED)
    assert said(stored(now, lakes)) == said(stored(before, lakes)) == said(lakes)
    now_size, before_size = ((folder / FILE_NAME).stat().st_size for folder in (now, before))
    assert now_size < 0.6 * before_size  # of so few episodes a third are pages that every file has
    assert verify(now, processes=1).faults == verify(before, processes=1).faults == []


@pytest.mark.parametrize("version", [rows.WITHOUT_PLAYS, rows.WITHOUT_PACKED])
def test_a_file_of_a_format_before_goes_on_with_whole_texts(version: int, tmp_path: Path) -> None:
    file_of_format(tmp_path, version)
    snakes = episodes("snake", 3)
    assert said(stored(tmp_path, snakes[:1], snakes[1:])) == said(snakes)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert tables.isdisjoint({"packed", "bases"})
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)


def test_each_game_has_a_base_of_its_own(tmp_path: Path) -> None:
    both = [*episodes("frozen-lake", 4), *episodes("snake", 4)]
    assert sorted(said(stored(tmp_path, both[:6], both[6:]))) == sorted(said(both))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        assert connection.execute("SELECT game, text FROM bases ORDER BY number").fetchall() == [
            (b"frozen-lake", both[0].steps[0].observation.text.encode()),
            (b"snake", both[4].steps[0].observation.text.encode()),
        ]
        used = connection.execute("SELECT base, count(*) FROM packed GROUP BY base").fetchall()
    assert [base for base, _ in used] == [1, 2]


def test_rows_go_from_a_file_that_packs_to_one_that_does_not(tmp_path: Path) -> None:
    lakes = episodes("frozen-lake", 3)
    stored(tmp_path / "now", lakes)
    (tmp_path / "before").mkdir()
    file_of_format(tmp_path / "before", rows.WITHOUT_PACKED)
    with Store.read(tmp_path / "now") as now, Store.open(tmp_path / "before", CONFIG, {}) as before:
        before.add_rows(now.rows(number) for number in now.numbers())
        assert said(list(before.episodes())) == said(lakes)
        assert [before.rows(number) for number in before.numbers()] == [now.rows(n) for n in now.numbers()]


def test_ctrl_c_while_a_text_is_unpacked_is_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, episodes("frozen-lake", 1))

    def stopped(text: object, base: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(packed, "unpacked", stopped)
    with Store.read(tmp_path) as store, pytest.raises(KeyboardInterrupt):
        list(store.episodes())
