"""Seals: digests of what is stored, taken when it is stored.

Playing an episode again tells whether its moves are right. It cannot tell whether a reply's idle
words, an agent's seconds or a name were changed later: the episode's seal can. It covers every
column of the episode's row, of its steps, of what its replies took and of those that were asked for
again; texts enter by their own digests, under which they are stored. The file as a whole is sealed
whenever its writer lets go of it, in a file beside it that `b2sum --check` understands too.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from hashlib import blake2b, file_digest
from pathlib import Path

from arena.machine.files import write_text
from arena.record.guarded import reraise_interrupt
from arena.untrusted import one_line
from arena_agents.files import open_regular, read_bytes
from arena_agents.limits import LARGEST_SEAL
from arena_games.base import UsageError

META = 0  # the seal of the run's own description; episodes are numbered from 1
CONTENT = (
    "SELECT * FROM episodes WHERE number = ?",
    "SELECT * FROM steps WHERE episode = ? ORDER BY position",
    "SELECT * FROM usages WHERE episode = ? ORDER BY position",
    "SELECT * FROM attempts WHERE episode = ? ORDER BY position, number",
    "SELECT * FROM plays WHERE episode = ? ORDER BY position",
)


def digest(connection: sqlite3.Connection, number: int) -> bytes:
    """The 16 bytes BLAKE2b of an episode's rows, or with `META` of the run's description."""
    hasher = blake2b(digest_size=16)
    queries = CONTENT if number != META else ("SELECT * FROM meta WHERE ? = 0 ORDER BY key",)
    for query in queries:
        for row in connection.execute(query, (number,)):
            # ascii() spells integers, floats, text and bytes without loss, the same on every Python.
            hasher.update(ascii(row).encode())
    return hasher.digest()


def seal_episodes(connection: sqlite3.Connection) -> None:
    """Seal the episodes that the open transaction has added."""
    (last,) = connection.execute("SELECT coalesce(max(subject), 0) FROM seals").fetchone()
    added = connection.execute("SELECT number FROM episodes WHERE number > ? ORDER BY number", (last,))
    seals = [(number, digest(connection, number)) for (number,) in added.fetchall()]
    connection.executemany("INSERT INTO seals VALUES (?, ?)", seals)


def seal_meta(connection: sqlite3.Connection) -> None:
    """Seal the run's description anew."""
    connection.execute("INSERT OR REPLACE INTO seals VALUES (?, ?)", (META, digest(connection, META)))


def broken_seal(connection: sqlite3.Connection, number: int) -> str | None:
    """What is wrong with the seal of an episode, or of `META`; None if it is whole."""
    try:
        found = connection.execute("SELECT digest FROM seals WHERE subject = ?", (number,)).fetchone()
        if found is None:
            return "has no seal"
        if found[0] != digest(connection, number):
            return "is not what was stored: its seal is broken"
    except (sqlite3.Error, UnicodeDecodeError) as error:
        reraise_interrupt(error)
        return f"cannot be read ({one_line(str(error))})"
    return None


def file_seal(path: Path) -> Path:
    """Where the seal of the whole file is kept."""
    return path.with_name(path.name + ".b2")


def seal_file(path: Path) -> None:
    """Seal the file unless it is; where the disk is full it stays unsealed, which harms nothing."""
    with suppress(OSError):
        if not _is_sealed(path):
            write_text(file_seal(path), _file_line(path))


def unseal_file(path: Path) -> None:
    """The file is about to change."""
    file_seal(path).unlink(missing_ok=True)


def broken_file_seal(path: Path) -> bool:
    """Whether any byte is not as the last writer left it; False if it has not let go in peace."""
    return _is_sealed(path) and _sealed_line(path) != _file_line(path).encode()


def _is_sealed(path: Path) -> bool:
    """An empty seal, which earlier versions left where the disk was full, says nothing."""
    return file_seal(path).exists() and file_seal(path).stat().st_size > 0


def _sealed_line(path: Path) -> bytes | None:
    """What the seal says; None for one that cannot be read, or is far longer than any."""
    try:
        return read_bytes(file_seal(path), LARGEST_SEAL)
    except UsageError:
        return None


def file_digest_of(path: Path) -> str:
    """The file's BLAKE2b, in hexadecimal."""
    with open_regular(path) as file:
        return file_digest(file, blake2b).hexdigest()


def _file_line(path: Path) -> str:
    return f"{file_digest_of(path)}  {path.name}\n"
