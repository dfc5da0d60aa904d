"""`arena verify`: an honest run passes, and whatever is changed in one is found and named."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record import seals
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena_agents import Agent
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_games.snake import rules
from tests.arena.players import Exits, Hostile, Raises, Says, Seeded

FLIPS = 200  # of a file that is sealed; half as many where only its content is
FIRST = "digest = (SELECT observation FROM steps WHERE episode = 1 AND position = 0)"
ONE_BY_ONE = MatchConfig(concurrency=1)  # so that episodes are stored in the order of their seeds


def record(
    folder: Path, agent: Agent, games: str = "snake", count: int = 2, config: MatchConfig | None = None
) -> None:
    """Play and store a few matches of `a` against its like."""
    with Store.open(folder, {"seed": 0}, {"python": "3"}) as store:
        for spec in map(find_game, games.split(",")):
            players = seated(spec, ("a",) * len(spec.open_seats))
            matches = [Match(spec, seed, players) for seed in range(count)]
            played = play(matches, {"a": agent, **house_agents([spec])}, config or ONE_BY_ONE)
            store.add(played, spec.open_seats)


def faults(folder: Path, processes: int = 1) -> list[str]:
    return verify(folder, processes=processes).faults


def reseal(connection: sqlite3.Connection) -> None:
    """Cover one's tracks: new seals for what is now there."""
    connection.execute("DELETE FROM seals WHERE subject > 0")
    seals.seal_episodes(connection)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of every game's kind."""
    folder = tmp_path_factory.mktemp("honest")
    record(folder, Seeded(), "frozen-lake,snake,snake-duel")
    return folder


@pytest.fixture
def run(honest: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    shutil.copy(honest / FILE_NAME, tmp_path)
    return tmp_path


@pytest.fixture
def change(run: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(run / FILE_NAME, isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize("agent", [Seeded(), Hostile(), Raises(), Exits()], ids=lambda a: type(a).__name__)
def test_what_was_played_verifies(agent: Agent, tmp_path: Path) -> None:
    record(tmp_path, agent, "frozen-lake,snake,snake-royale")
    checked = verify(tmp_path)
    assert checked.faults == []
    assert checked.games == {"frozen-lake": 2, "snake": 2, "snake-royale": 2}


def test_forfeits_verify(tmp_path: Path) -> None:
    record(tmp_path, Says("mute"), "snake-duel", config=MatchConfig(max_invalid=1))
    with Store.read(tmp_path) as store:
        assert {episode.detail for episode in store.episodes()} == {"1 invalid replies"}
    assert faults(tmp_path) == []


@pytest.mark.parametrize("breaks", ["step", "parse"])
def test_game_errors_verify(breaks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = rules.step

    def breaking(config: rules.SnakeConfig, state: rules.SnakeState, *rest: object) -> rules.SnakeState:
        if state.turn == 1:
            raise RuntimeError("the board fell over")
        return resolve(config, state, *rest)  # type: ignore[arg-type]

    if breaks == "step":
        monkeypatch.setattr(rules, "step", breaking)
        record(tmp_path, Seeded())
    else:
        snake = find_game("snake")
        broken = type(snake)(**{f: getattr(snake, f) for f in snake.__dataclass_fields__} | {"parse": None})
        match = Match(broken, 0, ("a", "house:random"))
        with Store.open(tmp_path, {}, {}) as store:
            store.add(play([match], {"a": Seeded(), **house_agents([snake])}), (0,))
    with Store.read(tmp_path) as store:
        assert "game_error" in {episode.end for episode in store.episodes()}
    assert faults(tmp_path) == []


def test_several_processes_find_the_same(run: Path, change: sqlite3.Connection) -> None:
    change.execute("UPDATE steps SET reward = reward + 1 WHERE position = 3")
    assert faults(run, processes=2) == faults(run) != []


CHANGES = {
    "UPDATE steps SET reward = reward + 1 WHERE position = 1 AND episode = 3":
        "snake:0:0:a,house:random, step 1, seat 1: reward was stored as 1.0, replayed as 0.0",
    "UPDATE steps SET action = (action + 1) % 4 WHERE position = 2 AND episode = 3":
        "snake:0:0:a,house:random, step 2, seat 0: action was stored as",
    "UPDATE steps SET invalid = CAST('mute' AS BLOB) WHERE position = 0 AND episode = 5":
        "snake-duel:0:0:a,a, step 0, seat 0: invalid was stored as mute, replayed as None",
    "UPDATE steps SET legal = '[0]' WHERE position = 0 AND episode = 5":
        "step 0, seat 0: legal was stored as (0,), replayed as (0, 1, 2, 3)",
    "UPDATE steps SET turn = 9 WHERE position = 0 AND episode = 5":
        "step 0, seat 0: turn was stored as 9, replayed as 0",
    "UPDATE steps SET observation = (SELECT observation FROM steps WHERE episode = 5) "
    "WHERE position = 0 AND episode = 6":
        "snake-duel:1:0:a,a, step 0, seat 0: text was stored as",
    "DELETE FROM steps WHERE episode = 5 AND position >= 2":
        "snake-duel:0:0:a,a: end was stored as 'finished', replayed as 'going on'",
    "UPDATE episodes SET returns = '[9.0]' WHERE number = 1":
        "frozen-lake:0:0:a: returns was stored as (9.0,), replayed as",
    "UPDATE episodes SET placements = '[1, 1]' WHERE number = 3": "placements was stored as (1, 1)",
    "UPDATE episodes SET successes = '[null]' WHERE number = 1": "successes",
    "UPDATE episodes SET \"end\" = 'truncated' WHERE number = 1": "frozen-lake:0:0:a: end was stored as",
    "UPDATE episodes SET seed = 7 WHERE number = 1": "frozen-lake:0:0:a: id was stored as",
    "UPDATE episodes SET players = '[\"b\"]' WHERE number = 1": "frozen-lake:0:0:a: id was stored as",
    "UPDATE episodes SET version = 7 WHERE number = 1": "game version was stored as 7, replayed as",
    "UPDATE episodes SET game = CAST('chess' AS BLOB) WHERE number = 1":
        "frozen-lake:0:0:a (number 1) cannot be read: unknown game",
}  # fmt: skip


@pytest.mark.parametrize("statement", CHANGES)
def test_what_cannot_have_been_played_is_named_though_the_seals_are_new(
    statement: str, run: Path, change: sqlite3.Connection
) -> None:
    change.execute(statement)
    reseal(change)
    (fault,) = faults(run)
    assert CHANGES[statement] in fault


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE steps SET seconds = seconds + 1 WHERE position = 1 AND episode = 3",
        "UPDATE steps SET policy_version = 3 WHERE position = 1 AND episode = 3",
        "UPDATE episodes SET rated_seats = '[0, 1]' WHERE number = 3",
    ],
)
def test_what_playing_again_cannot_tell_breaks_the_seal(
    statement: str, run: Path, change: sqlite3.Connection
) -> None:
    change.execute(statement)
    assert faults(run) == ["snake:0:0:a,house:random is not what was stored: its seal is broken"]


def test_a_reply_that_says_more_than_it_did_breaks_the_seal(run: Path, change: sqlite3.Connection) -> None:
    seen = change.execute("SELECT count(*) FROM texts").fetchone()
    text = b"I was forced to. <action>up</action>"
    longer = blake2b(text, digest_size=16).digest()
    change.execute("INSERT INTO texts VALUES (?, ?)", (longer, text))
    change.execute(
        "UPDATE steps SET reply = ? WHERE episode = 4 AND action = 0 AND position = "
        "(SELECT min(position) FROM steps WHERE episode = 4 AND action = 0)", (longer,),
    )  # fmt: skip
    assert change.execute("SELECT count(*) FROM texts").fetchone() != seen
    assert faults(run) == ["snake:1:0:a,house:random is not what was stored: its seal is broken"]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (f"UPDATE packed SET text = x'0300' WHERE {FIRST}", "a text was changed: frozen-lake:0:0:a, step 0"),
        (f"UPDATE packed SET base = base + 1 WHERE {FIRST}", "a text was changed: frozen-lake:0:0:a, step 0"),
        (f"DELETE FROM packed WHERE {FIRST}", "frozen-lake:0:0:a"),
        ("UPDATE bases SET game = x'00' WHERE number = 1", "what texts are packed by was changed: base 1"),
        ("UPDATE bases SET game = 'a' WHERE number = 1", "what texts are packed by was changed: base 1"),
        ("UPDATE meta SET value = '{}' WHERE key = 'config'", "the run's description (table meta) is not"),
        ("DELETE FROM seals WHERE subject = 2", "frozen-lake:1:0:a has no seal"),
        ("DELETE FROM episodes WHERE number = 2", "steps has rows of episode 2, which is not there"),
        ("CREATE TABLE more (x)", "the definition of 'more' is not as it was made"),
    ],
)  # fmt: skip
def test_what_does_not_belong_is_named(
    statement: str, says: str, run: Path, change: sqlite3.Connection
) -> None:
    change.execute(statement)
    assert says in faults(run)[0]


def contents(path: Path) -> list[object]:
    """Every value of every table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = [
            name.decode()
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")
        ]
        return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in (*tables, "sqlite_master")]


def flipped(path: Path, count: int) -> Iterator[tuple[int, bytes]]:
    """The file with one bit of it changed, and where."""
    whole, generator = path.read_bytes(), random.Random(3)
    for _ in range(count):
        position = generator.randrange(len(whole))
        bit = 1 << generator.randrange(8)
        yield position, whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :]


def test_one_flipped_bit_anywhere_is_found_and_named(honest: Path, tmp_path: Path) -> None:
    shutil.copy(seals.file_seal(honest / FILE_NAME), tmp_path)
    for position, damaged in flipped(honest / FILE_NAME, FLIPS):
        (tmp_path / FILE_NAME).write_bytes(damaged)
        named = faults(tmp_path)
        assert named, f"byte {position}"
        assert all("\n" not in line and len(line) > 20 for line in named)


def test_without_the_files_own_seal_what_is_not_found_changes_nothing(honest: Path, tmp_path: Path) -> None:
    stored, found = contents(honest / FILE_NAME), 0
    for position, damaged in flipped(honest / FILE_NAME, FLIPS // 2):
        (tmp_path / FILE_NAME).write_bytes(damaged)
        named = faults(tmp_path)
        found += bool(named)
        assert named or contents(tmp_path / FILE_NAME) == stored, f"byte {position}"
    assert found > FLIPS // 16, "most of so small a file is unused"


def test_the_seal_of_the_file_is_broken_while_it_is_written(tmp_path: Path) -> None:
    record(tmp_path, Seeded())
    seal = seals.file_seal(tmp_path / FILE_NAME)
    assert seal.exists()
    with Store.open(tmp_path, {"seed": 0}, {}) as store:
        (episode, _) = store.episodes()
        store.add([replace(episode, id="snake:9:0:a,house:random", seed=9)], (0,))
        assert not seal.exists()
    assert seal.read_text().endswith(f"  {FILE_NAME}\n")
    assert all("snake:9:0" in fault for fault in faults(tmp_path))


def test_looking_and_going_on_without_anything_to_add_leave_the_seal(tmp_path: Path) -> None:
    record(tmp_path, Seeded())
    path = tmp_path / FILE_NAME
    before = path.read_bytes()
    path.write_bytes(before[:97] + bytes([before[97] ^ 1]) + before[98:])  # says which SQLite wrote it
    with Store.read(tmp_path), Store.open(tmp_path, {"seed": 0}, {}):
        pass
    assert faults(tmp_path), "a damaged file must not be sealed anew"


def test_every_place_where_a_texts_digest_is_kept_is_watched_over(honest: Path, tmp_path: Path) -> None:
    whole = (honest / FILE_NAME).read_bytes()
    with closing(sqlite3.connect(honest / FILE_NAME)) as connection:
        (digest,) = connection.execute("SELECT observation FROM steps LIMIT 1").fetchone()
    places = [found.start() for found in re.finditer(re.escape(digest), whole)]
    assert len(places) >= 2, "in its table, in the steps"
    for place in places:
        (tmp_path / FILE_NAME).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert faults(tmp_path), f"byte {place}"


def used(path: Path, needle: Callable[[sqlite3.Connection], bytes]) -> int:
    """Where in the file a stored value begins."""
    with closing(sqlite3.connect(path)) as connection:
        return path.read_bytes().index(needle(connection))


@pytest.mark.parametrize("what", ["SELECT text FROM packed LIMIT 1", "SELECT digest FROM seals LIMIT 1"])
def test_a_flipped_byte_is_exit_status_1_and_one_line_each(what: str, run: Path) -> None:
    path = run / FILE_NAME
    position = used(path, lambda connection: connection.execute(what).fetchone()[0])
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 1
    path.write_bytes(damaged)
    done = CliRunner().invoke(cli.app, ["verify", str(run)])
    assert done.exit_code == 1
    *named, verdict = done.stdout.splitlines()
    assert named
    assert "6 episodes of 3 games played again" in verdict
    assert "fault" in verdict


def test_the_command_says_how_much_it_verified(run: Path) -> None:
    done = CliRunner().invoke(cli.app, ["verify", str(run)])
    assert done.exit_code == 0
    assert "6 episodes of 3 games played again" in done.stdout
    assert "episodes/s): all as stored" in done.stdout


def test_there_is_nothing_to_verify_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no tournament"):
        faults(tmp_path)
    assert CliRunner().invoke(cli.app, ["verify", str(tmp_path)]).exit_code == 2


def test_a_file_that_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish" * 1000)
    assert faults(tmp_path) == ["file is not a database"]
