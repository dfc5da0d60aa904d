"""Episodes as the rows of a run's file, and those rows put in.

Making rows needs no file: a worker makes them where it plays, and whoever holds the file only puts them in.
An episode that a failure outside its agent ended is put in under its match's id with the number of the
attempt, so that the match itself remains to be played.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from arena.match.episode import Episode, Step
from arena.record import attempts, packed, plays, usages
from arena.record.seals import CONTENT
from arena.record.usages import SqlRow
from arena_agents import Reply

__all__ = ["TABLES", "EpisodeRows", "encode", "insert", "read"]

TABLES = ("steps", "usages", "attempts", "plays")  # that have rows of episodes, in the order of their seals
INTO_EPISODES = f"INSERT INTO episodes VALUES ({', '.join('?' * 13)})"
TEXTS = (  # of an episode
    f"SELECT digest, {packed.text_of('used.digest')} FROM ("
    "SELECT observation AS digest FROM steps WHERE episode = :number "
    "UNION SELECT reply FROM steps WHERE episode = :number "
    "UNION SELECT reasoning FROM usages WHERE episode = :number "
    "UNION SELECT reply FROM attempts WHERE episode = :number "
    "UNION SELECT reasoning FROM attempts WHERE episode = :number "
    "UNION SELECT name FROM plays WHERE episode = :number) AS used WHERE digest IS NOT NULL"
)
_OBSERVATION = 3  # its place in a row of steps
COLUMNS = {"steps": 12, "usages": 10, "attempts": 15, "plays": 4}


@dataclass(frozen=True, slots=True)
class EpisodeRows:
    """One episode as rows that lack its number, which only the file can give.

    `columns` are those of `episodes` behind the id. `rows` are those of each of `TABLES`, and `texts` what
    they refer to, by digest. Of an `attempt` that came to nothing `id` is still the match's.
    """

    id: bytes
    columns: SqlRow
    rows: tuple[tuple[SqlRow, ...], ...]
    texts: dict[bytes, bytes]
    attempt: bool = False

    def table(self, name: str) -> tuple[SqlRow, ...]:
        """The rows of one of `TABLES`."""
        return self.rows[TABLES.index(name)]


def encode(episode: Episode, rated_seats: Collection[int]) -> EpisodeRows:
    """The rows of an episode; `rated_seats` are those that agents under test hold."""
    texts: dict[bytes, bytes] = {}

    def keep(text: str) -> bytes:
        stored = text.encode("utf-8", "surrogatepass")
        digest = blake2b(stored, digest_size=16).digest()
        texts[digest] = stored
        return digest

    columns = (
        to_bytes(episode.game),
        episode.version,
        episode.seed,
        *map(json.dumps, (episode.players, rated_seats, episode.returns, episode.placements)),
        json.dumps(episode.successes),
        str(episode.end),
        to_bytes(episode.detail),
        to_bytes(episode.culprit),
    )
    rows = (
        tuple(_step_row(position, step, keep) for position, step in enumerate(episode.steps)),
        tuple(usages.usage_rows(_replies(episode), keep)),
        tuple(attempts.rows(episode, keep)),
        tuple(plays.rows(episode, keep)),
    )
    passing = episode.failure is not None and episode.failure.passing
    return EpisodeRows(episode.id.encode("utf-8", "surrogatepass"), columns, rows, texts, passing)


def insert(connection: sqlite3.Connection, episode: EpisodeRows) -> None:
    """Add one episode to the open transaction.

    Raises IntegrityError for a known id, and UsageError for second replies in a file that has no place
    for them. What a file of format 3 cannot hold of `plays` is not needed by the games that it holds.
    """
    columns = (None, _stored_id(connection, episode), *episode.columns)
    number = connection.execute(INTO_EPISODES, columns).lastrowid
    seen = episode.table("steps")
    packed.keep(connection, episode.columns[0], seen[0][_OBSERVATION] if seen else None, episode.texts)
    for table, rows in zip(TABLES, episode.rows, strict=True):
        if rows and (table != "attempts" or attempts.has_place(connection)):
            if table == "plays" and not plays.has_place(connection):
                continue
            marks = ", ".join("?" * COLUMNS[table])
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", ((number, *row) for row in rows))


def read(connection: sqlite3.Connection, number: int) -> EpisodeRows:
    """The rows of a stored episode, under the id that it is stored by.

    Raises LookupError if there is none, and ValueError for a text that is not what its digest says.
    """
    found = connection.execute("SELECT * FROM episodes WHERE number = ?", (number,)).fetchone()
    if found is None:
        raise LookupError(f"there is no episode {number}")
    rows = tuple(
        tuple(tuple(row[1:]) for row in connection.execute(query, (number,))) for query in CONTENT[1:]
    )
    texts = dict(connection.execute(TEXTS, {"number": number}))
    if any(
        text is None or blake2b(text, digest_size=16).digest() != digest for digest, text in texts.items()
    ):
        raise ValueError(f"a text of episode {number} was changed")
    return EpisodeRows(found[1], tuple(found[2:]), rows, texts)


def to_bytes(text: str | None) -> bytes | None:
    """The text as it is stored."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _replies(episode: Episode) -> Iterator[tuple[int, Reply]]:
    """Seats and replies: those of the steps, then the one that failed, if one did."""
    yield from ((step.seat, step.reply) for step in episode.steps)
    if episode.failure is not None and episode.culprit is not None:
        yield episode.players.index(episode.culprit), episode.failure


def _stored_id(connection: sqlite3.Connection, episode: EpisodeRows) -> bytes:
    if not episode.attempt:
        return episode.id
    start = episode.id + b" (attempt "
    earlier = "SELECT count(*) FROM episodes WHERE id >= ? AND id < ?"  # by the index, not the whole table
    (count,) = connection.execute(earlier, (start, start + b"\xff")).fetchone()
    return start + f"{count + 1})".encode()


def _step_row(position: int, step: Step, keep: usages.Keep) -> SqlRow:
    sample = step.reply.sample
    return (
        position,
        step.seat,
        step.observation.turn,
        keep(step.observation.text),
        json.dumps(step.observation.legal),
        keep(step.reply.text),
        plays.number_of(step),
        to_bytes(step.invalid),
        step.reward,
        step.seconds,
        None if sample is None else sample.policy_version,
    )
