"""The tables of the run's SQLite file, and its rows as episodes again; `encode` makes them.

Text from agents and games is kept as bytes (UTF-8 with `surrogatepass`): what came in comes out,
null bytes and lone surrogates included. Observations and replies repeat, so each text is kept once,
under its BLAKE2 digest, and small (`packed`). Tuples by seat are JSON. What replies took has a table of its
own: `usages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from arena.match.episode import Attempt, EndReason, Episode, Step, match_of
from arena.record import attempts, columns, packed, plays, usages
from arena.record.notable import MatchSummary
from arena.record.usages import SqlRow
from arena_agents import Observation, Reply
from arena_leaderboard import MatchResult

APPLICATION_ID = 0x746D7367  # "tmsg": tells our files from other programs'
SCHEMA_VERSION = 5
WITHOUT_PACKED = 4  # the format before: every text was kept whole
WITHOUT_PLAYS = 3  # there all actions were numbers
WITHOUT_ATTEMPTS = 2  # there nobody was asked again
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
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
{usages.TABLE}
CREATE TABLE seals (subject INTEGER PRIMARY KEY, digest BLOB NOT NULL);  -- see seals.py
"""
_LATER = (  # tables, by the last format without them
    (WITHOUT_ATTEMPTS, attempts.TABLE),
    (WITHOUT_PLAYS, plays.TABLE),
    *((WITHOUT_PACKED, table) for table in packed.TABLES),
)


def schema(version: int) -> str:
    """The tables of a run's file in the present format, or in one of those before."""
    more = [table for added, table in _LATER if version > added]
    return "\n".join([f"{_SCHEMA}PRAGMA user_version = {version};", *more])


def missing_tables(version: int) -> list[str]:
    """What a file of this format lacks. Raises ValueError for one that is not read."""
    if not WITHOUT_ATTEMPTS <= version <= SCHEMA_VERSION:
        raise ValueError(f"format {version} is not read")
    return [table for added, table in _LATER if version <= added]


SCHEMA = schema(SCHEMA_VERSION)

EPISODE_COLUMNS = (
    "number, id, game, version, seed, players, rated_seats, returns, placements, successes, "
    '"end", detail, culprit'
)
STEP_QUERY = (
    f"SELECT steps.seat, turn, {packed.text_of('observation')}, legal, {packed.text_of('reply')}, action, "
    f"invalid, reward, seconds, {packed.text_of('reasoning')}, {usages.COLUMNS} FROM steps "
    "LEFT JOIN usages USING (episode, position) "
    "WHERE steps.episode = ? ORDER BY steps.position"
)
_ASKED_AGAIN = (
    "EXISTS (SELECT 1 FROM attempts WHERE attempts.episode = steps.episode "
    "AND attempts.position = steps.position)"
)
# Attempts that came to nothing, and the seats of which replies are known that took something.
TRIES = (
    "SELECT DISTINCT id, players, culprit, seat FROM episodes "
    "JOIN (SELECT episode, seat FROM usages UNION ALL SELECT episode, seat FROM attempts) "
    "ON episode = number WHERE \"end\" = 'agent_error'"
)
SEAT_COUNTS = (  # of some episodes, by their numbers
    "SELECT episode, seat, count(*), sum(invalid IS NOT NULL), sum(seconds), "
    f"sum(invalid IS NOT NULL OR {_ASKED_AGAIN}) FROM steps WHERE episode IN ({{}}) GROUP BY episode, seat"
)
MATCH_COUNTS = (
    "SELECT episode, count(*), sum(invalid IS NOT NULL), "
    "min(CASE WHEN invalid IS NOT NULL THEN position END) FROM steps GROUP BY episode"
)


def to_text(stored: bytes) -> str:
    """The inverse of `encode.to_bytes`."""
    return stored.decode("utf-8", "surrogatepass")


def tried(rows: Iterable[SqlRow]) -> Counter[str]:
    """How often each match came to nothing after the agent at fault had been asked, from rows of `TRIES`."""
    asked = set()
    for id_, players, culprit, seat in rows:
        names = columns.names(players)
        if culprit is not None and names[seat] == to_text(culprit):
            asked.add((match_of(to_text(id_), names), id_))
    return Counter(match for match, _ in asked)


def to_episode(
    row: SqlRow,
    step_rows: Iterable[SqlRow],
    attempt_rows: Iterable[SqlRow] = (),
    play_rows: Iterable[SqlRow] = (),
) -> Episode:
    """The episode of a row of `EPISODE_COLUMNS`, its rows of `STEP_QUERY`, `attempts.QUERY`, `plays.QUERY`.

    Grids, histories, decision seeds, token samples and a failed reply are not stored, nor is what an
    observation carries of its game (`action_names`, `spec`); all of them come back empty.
    """
    _, id_, game, version, seed, players, _, returns, placements, successes, end, detail, culprit = (
        columns.episode(row)
    )
    names = columns.names(players)
    tried, named = attempts.to_attempts(attempt_rows), plays.to_names(play_rows)
    steps = tuple(
        _to_step(to_text(game), step_row, tried.get(position, ()), *named.get(position, (None, False)))
        for position, step_row in enumerate(columns.steps(step_rows, len(names)))
    )
    return Episode(
        id=to_text(id_),
        game=to_text(game),
        version=version,
        seed=seed,
        players=names,
        steps=steps,
        returns=columns.points(returns),
        placements=columns.places(placements),
        successes=columns.successes(successes),
        end=EndReason(end),
        detail=None if detail is None else to_text(detail),
        culprit=None if culprit is None else to_text(culprit),
        abandoned=tried.get(len(steps), ()),
    )


def _to_step(game: str, row: SqlRow, tried: tuple[Attempt, ...], name: str | None, illegal: bool) -> Step:
    seat, turn, seen, legal, said, action, invalid, reward, seconds, thought, *usage = row
    observation = Observation(game, seat, turn, to_text(seen), columns.actions(legal))
    reason = None if invalid is None else to_text(invalid)
    reasoning = None if thought is None else to_text(thought)
    reply = Reply(to_text(said), usage=usages.to_usage(tuple(usage)), reasoning=reasoning)
    if action == columns.SAID:
        action, name = name or "", None
    return Step(seat, observation, reply, action, reason, reward, seconds, tried, name, illegal)


def to_summary(row: SqlRow, counts: dict[int, SqlRow]) -> MatchSummary:
    """A row of `EPISODE_COLUMNS` without its steps; `counts` holds the rest of `MATCH_COUNTS` by episode."""
    number, id_, game, _, seed, players, rated_seats, returns, placements, _, end, _, _ = columns.episode(row)
    decisions, invalid, first_invalid = counts.get(number, (0, 0, None))
    return MatchSummary(
        number=number,
        id=to_text(id_),
        game=to_text(game),
        seed=seed,
        players=columns.names(players),
        open_seats=columns.seats(rated_seats),
        returns=columns.points(returns),
        placements=columns.places(placements),
        end=EndReason(end),
        decisions=decisions,
        invalid=invalid,
        first_invalid=first_invalid,
    )


def to_result(row: SqlRow, counts: Iterable[SqlRow]) -> MatchResult:
    """A row of `EPISODE_COLUMNS` as the leaderboard sees it: its rated seats only.

    `counts` are the rows of `SEAT_COUNTS`.
    """
    _, _, game, _, seed, players, rated_seats, returns, placements, successes, end, _, culprit = (
        columns.episode(row)
    )
    seats, by_seat = columns.seats(rated_seats), {seat: rest for seat, *rest in map(columns.tally, counts)}

    def of_rated(read: Callable[[str], tuple[Any, ...]], column: str) -> tuple[Any, ...]:
        return _of_seats(read, column, rated_seats)

    names, blamed = of_rated(columns.names, players), None if culprit is None else to_text(culprit)
    tallied = [by_seat.get(seat, (0, 0, 0.0, 0)) for seat in seats]
    return MatchResult(
        game=to_text(game),
        seed=seed,
        players=names,
        placements=of_rated(columns.places, placements),
        returns=of_rated(columns.points, returns),
        successes=of_rated(columns.successes, successes),
        decisions=tuple(decisions for decisions, _, _, _ in tallied),
        invalid=tuple(invalid for _, invalid, _, _ in tallied),
        seconds=tuple(seconds for _, _, seconds, _ in tallied),
        invalid_at_first=tuple(first for _, _, _, first in tallied),
        rated=EndReason(end).rated,
        culprit=blamed if blamed in names else None,  # a house agent has no row to be charged in
        seats=seats,
    )


# Whoever holds a hundred thousand results holds each line-up once.
@lru_cache(maxsize=columns.KNOWN)
def _of_seats(read: Callable[[str], tuple[Any, ...]], column: str, seats: str) -> tuple[Any, ...]:
    values = read(column)
    return tuple(values[seat] for seat in columns.seats(seats))
