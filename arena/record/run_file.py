"""The run's SQLite file: created whole, held by one writer, opened, and its errors as one line."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from arena.record import rows, seals
from arena_games.base import UsageError

LOCK_PATIENCE_S = 2.0  # the time a killed run may need to let go
BUSY_PATIENCE_S = 60.0


def lock_folder(folder: Path) -> BaseFileLock:
    """Hold the run until the lock is released or the process ends, however it ends.

    Raises UsageError if another holds it, after a moment of patience.
    """
    lock = FileLock(folder / ".lock", timeout=LOCK_PATIENCE_S, poll_interval=0.1, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another process is playing {folder}; wait for it, or choose another --out"
        ) from None
    return lock


def create_file(path: Path, meta: Mapping[str, Mapping[str, Any]]) -> None:
    """Write an empty run beside its place and move it there whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    try:
        with one_line_errors(path), closing(sqlite3.connect(fresh)) as connection:
            connection.executescript(rows.SCHEMA)
            pairs = [(key, json.dumps(value)) for key, value in meta.items()]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", pairs)
            seals.seal_meta(connection)
            connection.commit()
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    # Even a reader may have to roll back what a killed writer left, where it has the right to.
    mode = "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with one_line_errors(path):
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_PATIENCE_S)
        # Only a damaged file holds text that is no UTF-8: it must be told of, not stumbled over.
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA synchronous = FULL")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != rows.APPLICATION_ID:
        raise UsageError(f"{path} is not a run of the arena; move it away, or choose another --out")
    try:
        with one_line_errors(path):
            for table in rows.missing_tables(version):
                connection.execute(table.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))  # always empty
    except ValueError:
        raise UsageError(
            f"{path} has format {version}, this program reads format {rows.SCHEMA_VERSION}; "
            "choose another --out, or use the program that wrote it"
        ) from None
    return connection


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as the remedy they call for."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # an episode stored twice is our mistake
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise UsageError(f"no space left for {path}; free some, then repeat") from error
        raise UsageError(f"cannot use {path}: {error}; check who may write there, then repeat") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter when SQLite quotes rubbish
        raise UsageError(f"{path} is damaged ({error}); move it away, or choose another --out") from error


@contextmanager
def legible(path: Path) -> Iterator[None]:
    """Values that no run of ours holds, as the remedy they call for."""
    try:
        yield
    except UsageError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UsageError(
            f"{path} is damaged ({error}); arena verify {path.parent} tells where, else choose another --out"
        ) from error
