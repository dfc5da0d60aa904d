"""Episodes as rows of the run's SQLite file, and back.

Text from agents and games is kept as bytes (UTF-8 with `surrogatepass`): what came in comes out,
null bytes and lone surrogates included. Observations and replies repeat, so each text is kept once,
under its BLAKE2 digest. Tuples by seat are JSON.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from arena.episode import EndReason, Episode, Step
from arena_agents import Observation, Reply
from arena_leaderboard import MatchResult

APPLICATION_ID = 0x746D7367  # "tmsg": tells our files from other programs'
SCHEMA_VERSION = 1
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE texts (digest BLOB PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE episodes (
    number INTEGER PRIMARY KEY,  -- the rowid, which steps refer to
    id BLOB NOT NULL UNIQUE,
    game BLOB NOT NULL, version INTEGER NOT NULL, seed INTEGER NOT NULL,
    players TEXT NOT NULL, rated_seats TEXT NOT NULL,
    returns TEXT NOT NULL, placements TEXT NOT NULL, successes TEXT NOT NULL,
    "end" TEXT NOT NULL, detail BLOB, culprit BLOB
);
CREATE TABLE steps (
    episode INTEGER NOT NULL REFERENCES episodes (number),
    position INTEGER NOT NULL,  -- in playing order, from 0
    seat INTEGER NOT NULL, turn INTEGER NOT NULL,
    observation BLOB NOT NULL REFERENCES texts (digest), legal TEXT NOT NULL,
    reply BLOB NOT NULL REFERENCES texts (digest),
    action INTEGER NOT NULL, invalid BLOB,
    reward REAL NOT NULL, seconds REAL NOT NULL,
    policy_version INTEGER,  -- of the policy that drew the reply, if one of ours did
    PRIMARY KEY (episode, position)
) WITHOUT ROWID;
"""

EPISODE_COLUMNS = (
    "number, id, game, version, seed, players, rated_seats, returns, placements, successes, "
    '"end", detail, culprit'
)
STEP_QUERY = (
    "SELECT seat, turn, seen.text, legal, said.text, action, invalid, reward, seconds FROM steps "
    "JOIN texts AS seen ON seen.digest = observation JOIN texts AS said ON said.digest = reply "
    "WHERE episode = ? ORDER BY position"
)
SEAT_COUNTS = (
    "SELECT episode, seat, count(*), sum(invalid IS NOT NULL), sum(seconds) FROM steps GROUP BY episode, seat"
)

Row = tuple[Any, ...]


def to_bytes(text: str | None) -> bytes | None:
    """The text as it is stored."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def to_text(stored: bytes) -> str:
    """The inverse of `to_bytes`."""
    return stored.decode("utf-8", "surrogatepass")


def insert(connection: sqlite3.Connection, episode: Episode, rated_seats: tuple[int, ...]) -> None:
    """Add one episode with its steps to the open transaction. Raises IntegrityError for a known id."""
    row = (
        None,
        to_bytes(episode.id),
        to_bytes(episode.game),
        episode.version,
        episode.seed,
        *map(json.dumps, (episode.players, rated_seats, episode.returns, episode.placements)),
        json.dumps(episode.successes),
        str(episode.end),
        to_bytes(episode.detail),
        to_bytes(episode.culprit),
    )
    marks = ", ".join("?" * len(row))
    number = connection.execute(f"INSERT INTO episodes ({EPISODE_COLUMNS}) VALUES ({marks})", row).lastrowid
    rows = [_step_row(connection, number, position, step) for position, step in enumerate(episode.steps)]
    connection.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _step_row(connection: sqlite3.Connection, number: int | None, position: int, step: Step) -> Row:
    sample = step.reply.sample
    return (
        number,
        position,
        step.seat,
        step.observation.turn,
        _kept_once(connection, step.observation.text),
        json.dumps(step.observation.legal),
        _kept_once(connection, step.reply.text),
        step.action,
        to_bytes(step.invalid),
        step.reward,
        step.seconds,
        None if sample is None else sample.policy_version,
    )


def _kept_once(connection: sqlite3.Connection, text: str) -> bytes:
    stored = text.encode("utf-8", "surrogatepass")
    digest = blake2b(stored, digest_size=16).digest()
    connection.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (digest, stored))
    return digest


def to_episode(row: Row, step_rows: Iterable[Row]) -> Episode:
    """The episode of a row of `EPISODE_COLUMNS` and its rows of `STEP_QUERY`.

    Grids, histories, decision seeds and token samples are not stored; they come back empty.
    """
    _, id_, game, version, seed, players, _, returns, placements, successes, end, detail, culprit = row
    return Episode(
        id=to_text(id_),
        game=to_text(game),
        version=version,
        seed=seed,
        players=tuple(json.loads(players)),
        steps=tuple(_to_step(to_text(game), step_row) for step_row in step_rows),
        returns=tuple(json.loads(returns)),
        placements=tuple(json.loads(placements)),
        successes=tuple(json.loads(successes)),
        end=EndReason(end),
        detail=None if detail is None else to_text(detail),
        culprit=None if culprit is None else to_text(culprit),
    )


def _to_step(game: str, row: Row) -> Step:
    seat, turn, seen, legal, said, action, invalid, reward, seconds = row
    observation = Observation(game, seat, turn, to_text(seen), tuple(json.loads(legal)))
    reason = None if invalid is None else to_text(invalid)
    return Step(seat, observation, Reply(to_text(said)), action, reason, reward, seconds)


def to_result(row: Row, counts: dict[tuple[int, int], Row]) -> MatchResult:
    """A row of `EPISODE_COLUMNS` as the leaderboard sees it: its rated seats only.

    `counts` holds what `SEAT_COUNTS` selects after each (episode number, seat).
    """
    number, _, game, _, seed, players, rated_seats, returns, placements, successes, end, _, culprit = row
    seats: list[int] = json.loads(rated_seats)

    def of_rated(column: str) -> tuple[Any, ...]:
        values = json.loads(column)
        return tuple(values[seat] for seat in seats)

    names, blamed = of_rated(players), None if culprit is None else to_text(culprit)
    tallied = [counts.get((number, seat), (0, 0, 0.0)) for seat in seats]
    return MatchResult(
        game=to_text(game),
        seed=seed,
        players=names,
        placements=of_rated(placements),
        returns=of_rated(returns),
        successes=of_rated(successes),
        decisions=tuple(decisions for decisions, _, _ in tallied),
        invalid=tuple(invalid for _, invalid, _ in tallied),
        seconds=tuple(seconds for _, _, seconds in tallied),
        rated=EndReason(end).rated,
        culprit=blamed if blamed in names else None,  # a house agent has no row to be charged in
    )
