"""The run's file: what goes in comes out, and whatever is wrong with it is one line."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.match.episode import EndReason, Episode, Step
from arena.match.match import Match
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record.store import FILE_NAME, Store
from arena_agents import Agent, Observation, Reply, TokenSample
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena.players import HOSTILE, Hostile, Raises, Seeded

CONFIG = {"games": {"snake": 1}, "agents": {"a": "random"}, "seed": 0, "matches": 3}
SNAKE = find_game("snake")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path, CONFIG, {"python": "3"}) as opened:
        yield opened


def episodes(agent: Agent, count: int = 3) -> list[Episode]:
    matches = [Match(SNAKE, seed, seated(SNAKE, ("a",))) for seed in range(count)]
    return list(play(matches, {"a": agent, **house_agents([SNAKE])}))


def with_text(text: str, number: int = 0) -> Episode:
    """An episode in which everything that can be text is `text`."""
    sample = TokenSample((1,), (2,), (-0.5,), policy_version=7)
    observation = Observation("snake", 0, 0, text, (0, 1))
    step = Step(0, observation, Reply(text, sample), 1, text, 0.1, 0.25)
    return Episode(
        f"{text}{number}", text, 1, 3, (text, "house:random"), (step,), (0.1, -1.0), (1, 2),
        (True, False), EndReason.AGENT_ERROR, text, text,
    )  # fmt: skip


def test_episodes_come_back_as_they_were_played(store: Store) -> None:
    played = episodes(Hostile())
    store.add(played, (0,))
    for before, after in zip(sorted(played, key=lambda e: e.id), store.episodes(), strict=True):
        assert (before.id, before.players, before.returns, before.end) == (
            after.id, after.players, after.returns, after.end,
        )  # fmt: skip
        for one, other in zip(before.steps, after.steps, strict=True):
            assert one.observation.text == other.observation.text
            assert one.reply.text == other.reply.text
            assert (one.seat, one.action, one.invalid, one.reward, one.seconds) == (
                other.seat, other.action, other.invalid, other.reward, other.seconds,
            )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_stored_exactly(store: Store, text: str) -> None:
    store.add([with_text(text)], (0,))
    _check_exact(store, text)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_stored_exactly(text: str) -> None:
    with Store(Path("memory"), _in_memory()) as store:
        store.add([with_text(text)], (0,))
        _check_exact(store, text)


def _in_memory() -> sqlite3.Connection:
    from arena.record.rows import SCHEMA

    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    return connection


def _check_exact(store: Store, text: str) -> None:
    (episode,) = store.episodes()
    (step,) = episode.steps
    seen = (
        step.observation.text,
        step.reply.text,
        step.invalid,
        episode.detail,
        episode.culprit,
        episode.game,
    )
    assert set(seen) == {text}
    assert store.episode_ids() == {f"{text}0"}


def test_equal_texts_are_kept_once(store: Store, tmp_path: Path) -> None:
    store.add([with_text("long " * 1000, number) for number in range(50)], (0,))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("SELECT count(*) FROM packed").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM texts").fetchone() == (0,)
        assert connection.execute("SELECT DISTINCT policy_version FROM steps").fetchall() == [(7,)]


def test_results_hold_the_rated_seats_only(store: Store) -> None:
    store.add(episodes(Raises(), count=6), (0,))
    results = store.results()
    assert len(results) == 6
    for result, episode in zip(results, store.episodes(), strict=True):
        own = episode.steps_of(0)
        assert result.players == ("a",)
        assert result.returns == episode.returns[:1]
        assert result.decisions == (len(own),)
        assert result.invalid == (sum(step.invalid is not None for step in own),)
        assert result.seconds == pytest.approx((sum(step.seconds for step in own),))
        assert result.rated
        assert result.culprit == ("a" if episode.end == EndReason.FORFEIT else None)


def test_an_error_of_the_house_is_charged_to_nobody(store: Store) -> None:
    blamed = replace(with_text("a"), culprit="house:random")
    store.add([blamed], (0,))
    assert store.results()[0].culprit is None


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.add([with_text("a", 1)], (0,))
    with pytest.raises(sqlite3.IntegrityError):
        store.add([with_text("a", 2), with_text("a", 1)], (0,))
    assert store.episode_ids() == {"a1"}


def test_a_run_is_continued_under_the_same_config_only(store: Store, tmp_path: Path) -> None:
    store.add(episodes(Seeded()), (0,))
    ids = store.episode_ids()
    store.close()
    with Store.open(tmp_path, CONFIG, {}) as again:
        assert again.episode_ids() == ids
        assert again.meta("environment") == {"python": "3"}
    with pytest.raises(UsageError, match="other matches and seed; repeat its command"):
        Store.open(tmp_path, {**CONFIG, "seed": 1, "matches": 4}, {})


def test_before_the_first_episode_the_config_may_change(store: Store, tmp_path: Path) -> None:
    store.close()
    with Store.open(tmp_path, {**CONFIG, "seed": 1}, {}) as again:
        assert again.meta("config")["seed"] == 1


def test_a_second_process_is_refused(store: Store, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from arena.record.store import Store\n"
    code += "Store.open(Path(sys.argv[1]), {}, {})"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert f"another process is playing {tmp_path}; wait for it, or choose another --out" in done.stderr


def test_a_running_tournament_can_be_read(store: Store, tmp_path: Path) -> None:
    store.add(episodes(Seeded()), (0,))
    with Store.read(tmp_path) as reader:
        assert len(reader.results()) == 3


def test_there_is_nothing_to_read_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no tournament; play one with arena tournament"):
        Store.read(tmp_path)


def test_a_full_disk_is_one_line_and_loses_nothing(store: Store) -> None:
    store.add([with_text("a")], (0,))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(UsageError, match=r"no space left for .*; free some, then repeat"):
        store.add([with_text("b" * 100_000)], (0,))
    assert store.episode_ids() == {"a0"}


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b""], ids=["rubbish", "empty"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    for opening in (lambda: Store.read(tmp_path), lambda: Store.open(tmp_path, CONFIG, {})):
        with pytest.raises(UsageError, match="move it away, or choose another --out"):
            opening()
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_damage_inside_is_one_line(store: Store, tmp_path: Path) -> None:
    store.add(episodes(Seeded(), count=20), (0,))
    store.close()
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)
    with Store.read(tmp_path) as reader, pytest.raises(UsageError, match=r"damaged|cannot use"):
        reader.results()


def test_another_format_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="has format 99, this program reads format "):
        Store.read(tmp_path)


def test_a_run_that_cannot_be_created_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.record.rows.SCHEMA", "CREATE TABLE broken")
    with pytest.raises(UsageError):
        Store.open(tmp_path, CONFIG, {})
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_read_only_folder_can_be_read(store: Store, tmp_path: Path) -> None:
    store.add(episodes(Seeded()), (0,))
    store.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / FILE_NAME, copy)
    copy.chmod(0o500)
    try:
        with Store.read(copy) as reader:
            assert len(reader.results()) == 3
    finally:
        copy.chmod(0o700)


def test_who_is_forgotten_is_played_anew_and_nobody_else(tmp_path: Path) -> None:
    def played(names: str) -> list[Episode]:
        agents = {**{name: Seeded() for name in names}, **house_agents([SNAKE])}
        matches = [Match(SNAKE, seed, seated(SNAKE, (name,))) for name in names for seed in range(2)]
        return list(play(matches, agents))

    with Store.open(tmp_path, CONFIG, {"python": "3"}) as store:
        store.add(played("ab"), (0,))
        before = store.episode_ids()
        store.forget([])
        store.forget(["a", "nobody"])
        left = {episode.players[0] for episode in store.episodes()}
        assert left == {"b"}
        store.add(played("a"), (0,))
        assert store.episode_ids() == before
        assert [store.broken_seal(number) for number in store.numbers()] == [None] * 4
    with Store.read(tmp_path) as store:
        assert list(store.faults()) == []
