"""The run's SQLite file: created whole, opened, and its errors as one line."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import ValidationError

from arena.machine.files import put_in_place
from arena.record import guarded, integrity, rows, seals
from arena_games.base import UsageError

BUSY_PATIENCE_S = 60.0


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
        put_in_place(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def no_matches(folder: Path) -> str:
    """Why nothing can be read from a folder that keeps no matches, and what to do instead."""
    where = quote(str(folder))
    if (folder / "metrics.jsonl").is_file():
        return (
            f"{folder} is a training and holds no tournament; see arena report {where}, arena curves {where} "
            f"or let it play: arena tournament --agents random,{where}"
        )
    if folder.is_dir():
        return f"{folder} holds no tournament; play one with arena tournament --out {where}"
    return (
        f"{folder} is not there, so it holds no tournament; arena list runs shows those of runs, or "
        f"play one with arena tournament --out {where}"
    )


def connect(path: Path, *, writing: bool = False) -> sqlite3.Connection:
    """The run's file, to be read, or to be written too. Raises UsageError for what is none of ours."""
    guarded.check_files(path)
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
    except UsageError:
        raise
    except ValueError:
        raise UsageError(
            f"{path} has format {version}, this program reads format {rows.SCHEMA_VERSION}; "
            "choose another --out, or use the program that wrote it"
        ) from None
    if writing:
        _check_definitions(path, connection)
    with one_line_errors(path):
        guarded.guard(connection, writing=writing)
    return connection


def _check_definitions(path: Path, connection: sqlite3.Connection) -> None:
    """Raises UsageError for a file with definitions that are not ours: a trigger would act at every write."""
    with one_line_errors(path):
        strange = integrity.strange_definitions(connection)
    if strange:
        raise UsageError(
            f"{path} holds definitions that are not a run's: {', '.join(strange)}; choose another --out"
        )


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as the remedy they call for."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # an episode stored twice is our mistake
    except sqlite3.OperationalError as error:
        guarded.reraise_interrupt(error)
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise UsageError(f"no space left for {path}; free some, then repeat") from error
        raise UsageError(f"cannot use {path}: {error}; check who may write there, then repeat") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter when SQLite quotes rubbish
        raise UsageError(f"{path} is damaged ({error}); move it away, or choose another --out") from error


def _reason(error: Exception) -> str:
    """What an exception says, in one line; of pydantic's the first problem."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, problem['loc']))} {problem['msg'].lower()}".strip()
    return str(error)


@contextmanager
def legible(path: Path) -> Iterator[None]:
    """Values that no run of ours holds, as the remedy they call for."""
    try:
        yield
    except UsageError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UsageError(
            f"{path} is damaged ({_reason(error)}); arena verify {quote(str(path.parent))} tells where, "
            "else choose another --out"
        ) from error
