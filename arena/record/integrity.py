"""Whether a run's file is whole: its header, its tables and indices, its texts, its description.

Every fault is one line. What no line speaks of is right or, in a run whose writer was killed and
which thus bears no seal as a whole, holds nothing: unused bytes of pages, and the few fields of the
header that say nothing about the content, the last bits of a packed text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

from arena.record import packed, rows, seals
from arena.record.guarded import reraise_interrupt
from arena.untrusted import one_line
from arena_agents.files import open_regular

HEADER_BYTES = 100
SAME_IN_EVERY_RUN = slice(18, 24), slice(44, 92)  # of the header, by SQLite's file format
COUNTERS = slice(24, 28), slice(92, 96)  # SQLite counts every change twice


def file_faults(path: Path, connection: sqlite3.Connection) -> Iterator[str]:
    """What is wrong with the file as such, apart from its episodes."""
    checks = (
        _header(path),
        _schema(connection),
        _structure(connection),
        _strays(connection),
        _texts(connection),
        _description(connection),
        _every_byte(path),
    )
    for check in checks:
        try:
            yield from check
        except (sqlite3.Error, UnicodeDecodeError) as error:
            reraise_interrupt(error)
            yield f"the file cannot be read whole: {one_line(str(error))}"


def _header(path: Path) -> Iterator[str]:
    with open_regular(path) as file:
        header = file.read(HEADER_BYTES)
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(rows.schema(_version(header)))
        expected = fresh.serialize()[:HEADER_BYTES]
    if any(header[part] != expected[part] for part in SAME_IN_EVERY_RUN):
        yield "the file's header is not that of a run"
    if header[COUNTERS[0]] != header[COUNTERS[1]]:
        yield "the file's header counts its changes twice, and not alike"


def _version(header: bytes) -> int:
    """The file's format, as SQLite's header has it, if it is one that is read."""
    version = int.from_bytes(header[60:64], "big")
    return version if version >= rows.WITHOUT_ATTEMPTS else rows.SCHEMA_VERSION


def _schema(connection: sqlite3.Connection) -> Iterator[str]:
    for name in strange_definitions(connection):
        yield f"the definition of {name} is not as it was made"


def strange_definitions(connection: sqlite3.Connection) -> list[str]:
    """Tables, indices, views and triggers that are not, comments included, those that this program writes."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    with closing(sqlite3.connect(":memory:")) as fresh:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        fresh.executescript(rows.schema(version))
        expected = fresh.execute(query).fetchall()
    found = connection.execute(query).fetchall()
    return sorted({ascii(row[1]) for row in {*found} ^ {*expected}})


def _structure(connection: sqlite3.Connection) -> Iterator[str]:
    """SQLite's own check: pages, order, and that tables and indices hold the same."""
    for (line,) in connection.execute("PRAGMA integrity_check"):
        for part in line.splitlines():
            if part != "ok":
                yield f"SQLite finds: {one_line(part)}"


def _strays(connection: sqlite3.Connection) -> Iterator[str]:
    known = "(SELECT number FROM episodes)"
    for table, column, kept in (
        ("steps", "episode", None),
        ("usages", "episode", None),
        ("attempts", "episode", None),
        ("plays", "episode", None),
        ("seals", "subject", seals.META),
    ):
        query = f"SELECT DISTINCT {column} FROM {table} WHERE {column} NOT IN {known} AND {column} IS NOT ?"
        for (number,) in connection.execute(query, (kept,)):
            yield f"{table} has rows of episode {number}, which is not there"


def _texts(connection: sqlite3.Connection) -> Iterator[str]:
    """Every text is stored under its own digest, and what others are packed by with one."""
    for number, game, text, digest in connection.execute("SELECT number, game, text, digest FROM bases"):
        if digest is None or packed.base_digest(game, text) != digest:
            yield f"what texts are packed by was changed: base {number}"
    for digest, text in connection.execute(packed.ALL):
        if not isinstance(text, bytes) or blake2b(text, digest_size=16).digest() != digest:
            yield f"a text was changed: {_users(connection, digest)}"


def _users(connection: sqlite3.Connection, digest: bytes) -> str:
    query = (
        "SELECT id, position, steps.seat FROM episodes JOIN steps ON steps.episode = number "
        "LEFT JOIN usages USING (episode, position) "
        "LEFT JOIN (SELECT episode, position, reply AS tried, reasoning AS weighed FROM attempts) "
        "USING (episode, position) LEFT JOIN plays USING (episode, position) "
        "WHERE ?1 IN (observation, reply, reasoning, tried, weighed, name) LIMIT 1"
    )
    user = connection.execute(query, (digest,)).fetchone()
    if user is None:
        return f"no step refers to {digest!r}"
    return f"{one_line(repr(user[0])[2:-1])}, step {user[1]}, seat {user[2]}"


def _description(connection: sqlite3.Connection) -> Iterator[str]:
    fault = seals.broken_seal(connection, seals.META)
    if fault is not None:
        yield f"the run's description (table meta) {fault}"


def _every_byte(path: Path) -> Iterator[str]:
    if seals.broken_file_seal(path):
        yield f"{path.name} is not byte for byte what its writer left: {seals.file_seal(path).name} tells"
