"""Replies that were asked for again, as rows of the run's file, and back.

A row belongs to the step that it came before; one past the last step to the decision whose failure ended the
episode. What such a reply took is paid like any other's: `usages` adds it up.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator

from arena.match.episode import Attempt, Episode
from arena.record import packed, usages
from arena.record.usages import SqlRow
from arena_agents import Reply, Usage
from arena_games.base import UsageError

TABLE = """\
CREATE TABLE attempts (
    episode INTEGER NOT NULL REFERENCES episodes (number),
    position INTEGER NOT NULL, number INTEGER NOT NULL,  -- of the step, and among its attempts, from 0
    seat INTEGER NOT NULL,
    reply BLOB NOT NULL REFERENCES texts (digest),
    invalid BLOB NOT NULL, illegal INTEGER NOT NULL, seconds REAL NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, reasoning_tokens INTEGER,
    cost REAL,  -- USD
    retries INTEGER, finish TEXT,  -- NULL where nothing is known of what it took
    reasoning BLOB REFERENCES texts (digest),
    PRIMARY KEY (episode, position, number)
) WITHOUT ROWID;"""
QUERY = (
    f"SELECT position, {packed.text_of('reply')}, invalid, illegal, seconds, {packed.text_of('reasoning')}, "
    f"{usages.COLUMNS} FROM attempts "
    "WHERE episode = ? ORDER BY position, number"
)


def has_place(connection: sqlite3.Connection) -> bool:
    """Whether the file can hold attempts. Raises UsageError if it is of the format that cannot."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
        raise UsageError("this run is of format 2, which holds no second replies; leave --rethink out")
    return True


def rows(episode: Episode, keep: usages.Keep) -> Iterator[SqlRow]:
    """An episode's attempts, without the episode's number."""
    for position, step in enumerate(episode.steps):
        for number, attempt in enumerate(step.attempts):
            yield (position, number, step.seat, *_row(attempt, keep))
    if episode.culprit in episode.players:
        seat = episode.players.index(episode.culprit)
        for number, attempt in enumerate(episode.abandoned):
            yield (len(episode.steps), number, seat, *_row(attempt, keep))


def _row(attempt: Attempt, keep: usages.Keep) -> SqlRow:
    reply, usage = attempt.reply, attempt.reply.usage
    took = (
        (None,) * 6
        if usage is None
        else (
            *(usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens),
            *(usage.cost, usage.retries, usage.finish),
        )
    )
    invalid = attempt.invalid.encode("utf-8", "surrogatepass")
    thought = None if reply.reasoning is None else keep(reply.reasoning)
    return (keep(reply.text), invalid, int(attempt.illegal), attempt.seconds, *took, thought)


def to_attempts(found_rows: Iterable[SqlRow]) -> dict[int, tuple[Attempt, ...]]:
    """The attempts of an episode by the position of their step, from rows of `QUERY`."""
    found: dict[int, list[Attempt]] = defaultdict(list)
    for position, said, invalid, illegal, seconds, thought, *took in found_rows:
        usage: Usage | None = usages.to_usage(tuple(took))
        reply = Reply(_text(said), usage=usage, reasoning=None if thought is None else _text(thought))
        found[position].append(Attempt(reply, _text(invalid), bool(illegal), seconds))
    return {position: tuple(attempts) for position, attempts in found.items()}


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")
