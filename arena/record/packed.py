"""Texts kept small: each as what sets it apart from the first observation of its game.

A game's observations say nearly the same again and again. So the first that is stored becomes the `base` of
its game in this file, and texts of the game are packed by it (raw deflate with the base as dictionary), where
that makes them shorter. The digest of a text stays that of the text itself: nothing that refers to it, seals
or merges knows how it is kept.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from hashlib import blake2b

from arena_agents.limits import LARGEST_PACKED

TABLES = (
    """\
CREATE TABLE bases (
    number INTEGER PRIMARY KEY,
    game BLOB NOT NULL,
    text BLOB NOT NULL,  -- the first observation of the game that was stored
    digest BLOB NOT NULL  -- of the game's name, a zero byte, and the text
);""",
    """\
CREATE TABLE packed (
    digest BLOB PRIMARY KEY,  -- of the text, unpacked
    base INTEGER NOT NULL REFERENCES bases (number),
    text BLOB NOT NULL  -- raw deflate, the base's text as dictionary
) WITHOUT ROWID;""",
)
ALL = (
    "SELECT digest, text FROM texts UNION ALL SELECT packed.digest, unpacked(packed.text, bases.text) "
    "FROM packed LEFT JOIN bases ON number = base"
)
_RAW = -zlib.MAX_WBITS  # neither a header nor a checksum: every text has its digest


def text_of(digest: str) -> str:
    """SQL for the text with the digest in this column; NULL where there is none, or it cannot be unpacked."""
    return (
        f"coalesce((SELECT texts.text FROM texts WHERE texts.digest = {digest}), "
        "(SELECT unpacked(packed.text, bases.text) FROM packed JOIN bases ON bases.number = packed.base "
        f"WHERE packed.digest = {digest}))"
    )


def teach(connection: sqlite3.Connection) -> None:
    """Let the connection's SQL unpack."""
    connection.create_function("unpacked", 2, unpacked, deterministic=True)


def has_place(connection: sqlite3.Connection) -> bool:
    """Whether the file can hold packed texts; into one of an earlier format texts are put whole."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'packed'").fetchone()
    return found is not None


def keep(
    connection: sqlite3.Connection, game: bytes, first: bytes | None, texts: Mapping[bytes, bytes]
) -> None:
    """Store the texts of an episode of this game, by digest, that are not there yet.

    `first` is the digest of what was seen first, if anything was.
    """
    new = dict(_unknown(connection, texts))
    base = _base(connection, game, None if first is None else texts[first]) if new else None
    for digest, text in new.items():
        short = packed(text, base[1]) if base and len(text) <= LARGEST_PACKED else text
        if base and len(short) < len(text):
            connection.execute("INSERT INTO packed VALUES (?, ?, ?)", (digest, base[0], short))
        else:
            connection.execute("INSERT INTO texts VALUES (?, ?)", (digest, text))


def _unknown(connection: sqlite3.Connection, texts: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    known = "SELECT 1 FROM packed WHERE digest = ?1 UNION ALL SELECT 1 FROM texts WHERE digest = ?1"
    for digest, text in texts.items():
        if connection.execute(known, (digest,)).fetchone() is None:
            yield digest, text


def _base(connection: sqlite3.Connection, game: bytes, first: bytes | None) -> tuple[int, bytes] | None:
    """Number and text of the game's base, which `first` becomes where it has none yet."""
    if not has_place(connection):
        return None
    find = "SELECT number, text FROM bases WHERE game = ?"
    found: tuple[int, bytes] | None = connection.execute(find, (game,)).fetchone()
    if found is None and first is not None:
        row = (game, first, base_digest(game, first))
        connection.execute("INSERT INTO bases (game, text, digest) VALUES (?, ?, ?)", row)
        found = connection.execute(find, (game,)).fetchone()
    return (
        found if found is not None and isinstance(found[1], bytes) else None
    )  # a damaged file holds anything


def base_digest(game: object, text: object) -> bytes | None:
    """What a base is stored with; None for values that no file of ours holds."""
    if not isinstance(game, bytes) or not isinstance(text, bytes):
        return None
    return blake2b(game + b"\0" + text, digest_size=16).digest()


def packed(text: bytes, base: bytes) -> bytes:
    """The text as what sets it apart from the base."""
    packer = zlib.compressobj(wbits=_RAW, zdict=base)
    return packer.compress(text) + packer.flush()


def unpacked(text: object, base: object) -> bytes | None:
    """The inverse of `packed`; None for what is not its result, or longer than any text may be."""
    if not isinstance(text, bytes) or not isinstance(base, bytes):
        return None
    unpacker = zlib.decompressobj(wbits=_RAW, zdict=base)
    try:
        whole = unpacker.decompress(text, LARGEST_PACKED)
    except zlib.error:
        return None
    return whole if unpacker.eof and not unpacker.unused_data else None
