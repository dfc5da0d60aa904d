"""One SQLite file a run: every episode as it was played, from which all views are made.

The journal is SQLite's rollback journal, fully synchronised: a transaction is on the disk or never
happened, whatever kills the process, and between transactions the run is that one file.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock

from arena.machine.files import lock_folder
from arena.match.episode import Episode
from arena.record import attempts, encode, integrity, packed, plays, rows, seals, usages
from arena.record.columns import RunConfig, match_counts, names
from arena.record.encode import EpisodeRows
from arena.record.notable import MatchSummary
from arena.record.run_file import connect, create_file, legible, no_matches, one_line_errors
from arena.record.tables import Episodes
from arena.record.usages import SqlRow
from arena_games.base import UsageError
from arena_leaderboard import MatchResult

__all__ = ["FILE_NAME", "Store"]

FILE_NAME = "run.sqlite"
LEAGUE = "league"  # in a training's folder
# The tables that hold an episode, by the column of its number.
OWNED = (
    *(("plays", "episode"), ("attempts", "episode"), ("usages", "episode"), ("steps", "episode")),
    *(("seals", "subject"), ("episodes", "number")),
)
PAGE = 1000  # rows that are read at a time, where all are gone through


class Store:
    """A run's episodes. Make one with `Store.open`, to write, or `Store.read`, to look.

    Every method raises UsageError, in one line that names the remedy, where the disk is full or the
    file cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: BaseFileLock | None = None) -> None:
        self.path = path
        self._connection = connection
        packed.teach(connection)
        self._lock = lock

    @classmethod
    def open(cls, folder: Path, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Store:
        """Create the run in `folder`, or continue it, and keep other processes from writing to it.

        `config` decides what is played; `environment` names the versions that play it.
        Raises UsageError if another process holds the run or it was started with another config.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path, lock = folder / FILE_NAME, lock_folder(folder, "playing")
        try:
            if not path.exists():
                create_file(path, {"config": config, "environment": environment})
            store = cls(path, connect(path, writing=True), lock)
            store.continue_with(config)
        except BaseException:
            lock.release()
            raise
        return store

    @classmethod
    def read(cls, folder: Path | str) -> Store:
        """The run in `folder`, or the league of the training there, to be looked at.

        Raises UsageError if there is none.
        """
        folder = Path(folder)
        path = matches_folder(folder) / FILE_NAME
        if not path.is_file():
            raise UsageError(no_matches(folder))
        return cls(path, connect(path))

    def close(self) -> None:
        """Let go of the file, which is sealed if it was written to, and of the lock."""
        self._connection.close()
        if self._lock is not None:
            if self._lock.is_locked:
                seals.seal_file(self.path)
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def meta(self, key: str) -> dict[str, Any]:
        """What the run was started with: its `config` or its `environment`."""
        found = list(self._select("SELECT value FROM meta WHERE key = ?", key))
        if not found:
            raise UsageError(f"{self.path} lacks its {key}; move it away, or choose another --out")
        with legible(self.path):
            value: dict[str, Any] = dict(json.loads(found[0][0]))
            if key == "config":
                RunConfig.model_validate(value)
        return value

    def continue_with(self, config: Mapping[str, Any]) -> None:
        """Make sure that the run goes on as it began; before the first episode it may still change.

        Raises UsageError if it holds episodes that were played under another config.
        """
        stored, asked = self.meta("config"), json.loads(json.dumps(config))
        changed = [key for key in sorted({*stored, *asked}) if stored.get(key) != asked.get(key)]
        if changed and self.episode_ids():
            raise UsageError(
                f"{self.path.parent} holds a tournament with other {' and '.join(changed)}; "
                "repeat its command to go on, or choose another --out"
            )
        if changed:
            seals.unseal_file(self.path)
            with one_line_errors(self.path), self._connection as transaction:
                transaction.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(asked),))
                seals.seal_meta(transaction)

    def add(self, episodes: Iterable[Episode], rated_seats: tuple[int, ...]) -> None:
        """Store episodes in one transaction; `rated_seats` are those that agents under test hold."""
        self.add_rows(encode.encode(episode, rated_seats) for episode in episodes)

    def add_rows(self, episodes: Iterable[EpisodeRows]) -> None:
        """Store episodes that are rows already, in one transaction."""
        seals.unseal_file(self.path)
        with one_line_errors(self.path), self._connection as transaction:
            for episode in episodes:
                encode.insert(transaction, episode)
            seals.seal_episodes(transaction)

    def forget(self, players: Collection[str]) -> None:
        """Remove the episodes in which any of these played, in one transaction: they will be played anew."""
        with legible(self.path):
            found = [
                (row[0],)
                for row in self._select("SELECT number, players FROM episodes")
                if not {*players}.isdisjoint(names(row[1]))
            ]
        if not found:
            return
        seals.unseal_file(self.path)
        with one_line_errors(self.path), self._connection as transaction:
            for table, key in OWNED:
                transaction.executemany(f"DELETE FROM {table} WHERE {key} = ?", found)

    def episode_ids(self) -> set[str]:
        """The ids of all stored episodes."""
        with legible(self.path):
            return {rows.to_text(row[0]) for row in self._select("SELECT id FROM episodes")}

    def count(self, *, attempts: bool = True) -> int:
        """How many episodes are stored, those that came to nothing among them or not."""
        mark = b" (attempt ".hex()  # ids are bytes
        only = "" if attempts else f" WHERE \"end\" != 'agent_error' OR NOT instr(id, X'{mark}')"
        ((count,),) = self._select(f"SELECT count(*) FROM episodes{only}")
        return int(count)

    def by_id(self) -> Iterator[tuple[bytes, int]]:
        """Ids, as they are stored, and numbers of all episodes, in the order of ids.

        Read page by page: between two of them whoever plays may write.
        """
        for page in self._pages("id, number"):
            yield from page

    def rows(self, number: int) -> EpisodeRows:
        """A stored episode as rows, to be stored elsewhere."""
        with legible(self.path), one_line_errors(self.path):
            return encode.read(self._connection, number)

    def rows_of(self, id_: bytes) -> EpisodeRows | None:
        """The same by its id, as it is stored; None if there is none."""
        for (number,) in self._select("SELECT number FROM episodes WHERE id = ?", id_):
            return self.rows(number)
        return None

    def tries(self) -> Counter[str]:
        """How often a match came to nothing by a failure outside an agent that had been asked, by its id."""
        with legible(self.path):
            return rows.tried(self._select(rows.TRIES))

    def episodes(self, game: str | None = None) -> Episodes:
        """The episodes of one game, or all, in the order of their ids, with their steps.

        An iterator, which can also become rows: `.rows()`, `.to_pandas()`, `.to_arrow()`.
        """
        return Episodes(self._read(game))

    def _read(self, game: str | None) -> Iterator[Episode]:
        query = f"SELECT {rows.EPISODE_COLUMNS} FROM episodes WHERE game = coalesce(?, game) ORDER BY id"
        for row in self._select(query, encode.to_bytes(game)):
            yield self._whole(row)

    def episode(self, which: int | str) -> Episode | None:
        """One episode, by its number (from 1, in the order of storing) or its id; None if there is none."""
        column = "number" if isinstance(which, int) else "id"
        value = which if isinstance(which, int) else encode.to_bytes(which)
        query = f"SELECT {rows.EPISODE_COLUMNS} FROM episodes WHERE {column} = ?"
        for row in self._select(query, value):
            return self._whole(row)
        return None

    def summaries(self) -> list[MatchSummary]:
        """All episodes without their steps, in the order in which they were stored."""
        query = f"SELECT {rows.EPISODE_COLUMNS} FROM episodes ORDER BY number"
        with legible(self.path):
            counts = {row[0]: row[1:] for row in map(match_counts, self._select(rows.MATCH_COUNTS))}
            return [rows.to_summary(row, counts) for row in self._select(query)]

    def games(self) -> list[str]:
        """The games of the stored episodes, by name."""
        with legible(self.path):
            return sorted(rows.to_text(row[0]) for row in self._select("SELECT DISTINCT game FROM episodes"))

    def numbers(self) -> list[int]:
        """The numbers of all stored episodes, ascending."""
        return [row[0] for row in self._select("SELECT number FROM episodes NOT INDEXED ORDER BY number")]

    @property
    def reads_exactly(self) -> bool:
        """Whether its replies were read before readers forgave what cannot mean two things."""
        ((version,),) = self._select("PRAGMA user_version")
        return int(version) <= rows.WITHOUT_PLAYS

    def name_of(self, number: int) -> str:
        """What to call an episode of which not everything can be read: its id, if that can."""
        with suppress(UsageError, TypeError):
            for (id_,) in self._select("SELECT id FROM episodes WHERE number = ?", number):
                return f"{str(id_, 'utf-8', 'replace')} (number {number})"
        return f"episode number {number}"

    def faults(self) -> Iterator[str]:
        """What is damaged in the file, apart from its episodes, one line each. Reads all of it."""
        return integrity.file_faults(self.path, self._connection)

    def broken_seal(self, number: int) -> str | None:
        """What tells that an episode's record is not as it was stored; None if it is."""
        return seals.broken_seal(self._connection, number)

    def results(self, among: Collection[str] | None = None) -> list[MatchResult]:
        """What the leaderboard sees of all episodes, or those `among` these ids, ordered by id."""
        return list(self.each_result(among))

    def each_result(self, among: Collection[str] | None = None) -> Iterator[MatchResult]:
        """The same one after another. All of a seed's come together: ids begin with game and seed."""
        for page in self._pages(f"id, {rows.EPISODE_COLUMNS}"):
            with legible(self.path):
                chosen = [row for _, *row in page if among is None or rows.to_text(row[1]) in among]
                counts = self._seat_counts([row[0] for row in chosen])
                results = [rows.to_result(tuple(row), counts.get(row[0], ())) for row in chosen]
            yield from results

    def _seat_counts(self, numbers: Sequence[int]) -> dict[int, list[SqlRow]]:
        """The rows of `SEAT_COUNTS` by episode."""
        counts: dict[int, list[SqlRow]] = defaultdict(list)
        query = rows.SEAT_COUNTS.format(", ".join("?" * len(numbers)))
        for episode, *of_seat in self._select(query, *numbers):
            counts[episode].append(tuple(of_seat))
        return counts

    def _pages(self, columns: str) -> Iterator[list[SqlRow]]:
        """All episodes in the order of ids, `PAGE` at a time; the first of the columns is the id."""
        query = f"SELECT {columns} FROM episodes {{}} ORDER BY id LIMIT {PAGE}"
        page = list(self._select(query.format("")))
        while page:
            yield page
            page = list(self._select(query.format("WHERE id > ?"), page[-1][0]))

    def holds_seed(self, seed: int) -> bool:
        """Whether any stored episode began from this seed."""
        return any(True for _ in self._select("SELECT 1 FROM episodes WHERE seed = ? LIMIT 1", seed))

    def holds(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids that are stored."""
        asked = [id_.encode("utf-8", "surrogatepass") for id_ in ids]
        query = f"SELECT id FROM episodes WHERE id IN ({', '.join('?' * len(asked))})"
        with legible(self.path):
            return {rows.to_text(row[0]) for row in self._select(query, *asked)}

    def _whole(self, row: SqlRow) -> Episode:
        with legible(self.path):
            queries = (rows.STEP_QUERY, attempts.QUERY, plays.QUERY)
            return rows.to_episode(row, *(self._select(query, row[0]) for query in queries))

    def spending(self) -> Mapping[str, usages.Spending]:
        """What the agents' replies took, by agent; those are left out whose replies take nothing."""
        with legible(self.path):
            return usages.totals(self._select(usages.TOTALS))

    def invalid_replies(self) -> plays.Faults:
        """Why replies were invalid, by (agent, game); empty for a run that did not tell that apart."""
        if self.reads_exactly:
            return {}
        with legible(self.path):
            return plays.to_faults(self._select(plays.FAULTS))

    def _select(self, query: str, *values: object) -> Iterator[SqlRow]:
        with one_line_errors(self.path):
            # Not `yield from`: it would close the cursor with the generator, be the file open or not.
            for row in self._connection.execute(query, values):  # noqa: UP028
                yield row


def matches_folder(folder: Path) -> Path:
    """The folder, or its league where only that keeps matches."""
    inner = folder / LEAGUE
    return inner if (inner / FILE_NAME).is_file() and not (folder / FILE_NAME).is_file() else folder


def recorded_episodes(folder: Path, game: str) -> list[Episode] | None:
    """The episodes of one game that a tournament's folder holds; None where it holds no tournament.

    Raises UsageError where its file cannot be read.
    """
    if not (folder / FILE_NAME).is_file():
        return None
    with Store.read(folder) as store:
        return list(store.episodes(game))
