"""A connection to a run's file that somebody else may have made.

Definitions in an SQLite file are programs: a view in the place of a table may recur for ever, a trigger
writes what nobody asked for. So nothing is read through a view and nothing is done by a trigger; values are
of bounded size; and a statement that takes long is left by Ctrl-C.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from arena_agents.files import check_regular
from arena_agents.limits import LARGEST_TEXT

LOOK_EVERY = 20_000  # of SQLite's instructions, a few milliseconds
READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA}
)
WRITING = READING | {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,  # of INSERT OR REPLACE
    sqlite3.SQLITE_TRANSACTION,
}
BESIDE = ("-journal", "-wal", "-shm")  # what SQLite opens with the file


def check_files(path: Path) -> None:
    """Raises UsageError where the run's file, or one that SQLite keeps beside it, is no regular file."""
    for name in (path.name, *(path.name + ending for ending in BESIDE)):
        check_regular(path.with_name(name))


def guard(connection: sqlite3.Connection, *, writing: bool) -> None:
    """Let the connection read, or write too, in tables, and nothing else."""
    allowed = WRITING if writing else READING
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_TEXT)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    # Python's own signal handlers only run while Python does, as here.
    connection.set_progress_handler(lambda: 0, LOOK_EVERY)

    def allow(action: int, _: str | None, name: str | None, __: str | None, within: str | None) -> int:
        if action not in allowed or within is not None or name == "load_extension":
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    connection.set_authorizer(allow)


def reraise_interrupt(error: Exception) -> None:
    """Raises KeyboardInterrupt where a statement was left for it: what a signal's handler raises within a
    statement, SQLite cannot pass on. The one function of ours in SQL, `packed.unpacked`, raises nothing else.
    """
    interrupted = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    if interrupted or str(error) == "user-defined function raised exception":
        raise KeyboardInterrupt from None
