"""One SQLite file a run: every episode as it was played, from which all views are made.

The journal is SQLite's rollback journal, fully synchronised: a transaction is on the disk or never
happened, whatever kills the process, and between transactions the run is that one file.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TextIO

from arena import rows
from arena.episode import Episode
from arena_games.base import UsageError
from arena_leaderboard import MatchResult

FILE_NAME = "run.sqlite"
LOCK_PATIENCE_S = 2.0  # the time a killed run may need to let go
BUSY_PATIENCE_S = 60.0


class Store:
    """A run's episodes. Make one with `Store.open`, to write, or `Store.read`, to look.

    Every method raises UsageError, in one line that names the remedy, where the disk is full or the
    file cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: TextIO | None = None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, folder: Path, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Store:
        """Create the run in `folder`, or continue it, and keep other processes from writing to it.

        `config` decides what is played; `environment` names the versions that play it.
        Raises UsageError if another process holds the run or it was started with another config.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path, lock = folder / FILE_NAME, _lock(folder)
        try:
            if not path.exists():
                _create(path, {"config": config, "environment": environment})
            store = cls(path, _connect(path), lock)
            store.continue_with(config)
        except BaseException:
            lock.close()
            raise
        return store

    @classmethod
    def read(cls, folder: Path) -> Store:
        """The run in `folder`, to be looked at. Raises UsageError if there is none."""
        path = folder / FILE_NAME
        if not path.is_file():
            raise UsageError(f"{folder} holds no tournament; play one with arena tournament --out {folder}")
        return cls(path, _connect(path))

    def close(self) -> None:
        """Let go of the file and of the lock."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def meta(self, key: str) -> dict[str, Any]:
        """What the run was started with: its `config` or its `environment`."""
        found = list(self._select("SELECT value FROM meta WHERE key = ?", key))
        if not found:
            raise UsageError(f"{self.path} lacks its {key}; move it away, or choose another --out")
        value: dict[str, Any] = json.loads(found[0][0])
        return value

    def continue_with(self, config: Mapping[str, Any]) -> None:
        """Make sure that the run goes on as it began; before the first episode it may still change.

        Raises UsageError if it holds episodes that were played under another config.
        """
        stored, asked = self.meta("config"), json.loads(json.dumps(config))
        changed = [key for key in sorted({*stored, *asked}) if stored.get(key) != asked.get(key)]
        if changed and self.episode_ids():
            raise UsageError(
                f"{self.path.parent} holds a tournament with other {' and '.join(changed)}; "
                "repeat its command to go on, or choose another --out"
            )
        if changed:
            with _one_line_errors(self.path), self._connection as transaction:
                transaction.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(asked),))

    def add(self, episodes: Iterable[Episode], rated_seats: tuple[int, ...]) -> None:
        """Store episodes in one transaction; `rated_seats` are those that agents under test hold."""
        with _one_line_errors(self.path), self._connection as transaction:
            for episode in episodes:
                rows.insert(transaction, episode, rated_seats)

    def episode_ids(self) -> set[str]:
        """The ids of all stored episodes."""
        return {rows.to_text(row[0]) for row in self._select("SELECT id FROM episodes")}

    def episodes(self, game: str | None = None) -> Iterator[Episode]:
        """The episodes of one game, or all, in the order of their ids, with their steps."""
        query = f"SELECT {rows.EPISODE_COLUMNS} FROM episodes WHERE game = coalesce(?, game) ORDER BY id"
        for row in self._select(query, rows.to_bytes(game)):
            yield rows.to_episode(row, self._select(rows.STEP_QUERY, row[0]))

    def results(self) -> list[MatchResult]:
        """All episodes as the leaderboard sees them, in the order of their ids."""
        counts = {(row[0], row[1]): row[2:] for row in self._select(rows.SEAT_COUNTS)}
        query = f"SELECT {rows.EPISODE_COLUMNS} FROM episodes ORDER BY id"
        return [rows.to_result(row, counts) for row in self._select(query)]

    def _select(self, query: str, *values: object) -> Iterator[rows.Row]:
        with _one_line_errors(self.path):
            yield from self._connection.execute(query, values)


def _lock(folder: Path) -> TextIO:
    """Hold the run until the file is closed or the process ends, however it ends."""
    lock = (folder / ".lock").open("a")
    patient_until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > patient_until:
                lock.close()
                raise UsageError(
                    f"another process is playing {folder}; wait for it, or choose another --out"
                ) from None
            time.sleep(0.1)


def _create(path: Path, meta: Mapping[str, Mapping[str, Any]]) -> None:
    """Write an empty run beside its place and move it there whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    try:
        with _one_line_errors(path), closing(sqlite3.connect(fresh)) as connection:
            connection.executescript(rows.SCHEMA)
            pairs = [(key, json.dumps(value)) for key, value in meta.items()]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", pairs)
            connection.commit()
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    # Even a reader may have to roll back what a killed writer left, where it has the right to.
    mode = "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with _one_line_errors(path):
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_PATIENCE_S)
        connection.execute("PRAGMA synchronous = FULL")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != rows.APPLICATION_ID:
        raise UsageError(f"{path} is not a run of the arena; move it away, or choose another --out")
    if version != rows.SCHEMA_VERSION:
        raise UsageError(
            f"{path} has format {version}, this program reads format {rows.SCHEMA_VERSION}; "
            "choose another --out, or use the program that wrote it"
        )
    return connection


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as the remedy they call for."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # an episode stored twice is our mistake
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise UsageError(f"no space left for {path}; free some, then repeat") from error
        raise UsageError(f"cannot use {path}: {error}; check who may write there, then repeat") from error
    except sqlite3.DatabaseError as error:
        raise UsageError(f"{path} is damaged ({error}); move it away, or choose another --out") from error
