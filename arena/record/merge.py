"""Shards of a tournament joined to one ordinary run, with a ledger of which brought what.

Nothing is believed of a shard: its plan must be the others', every episode's seal must be whole and every
text must be what its digest says. A match that was played twice must have come out alike, but for the
time and the tokens that it took; attempts that came to nothing need not.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from os.path import relpath
from pathlib import Path
from shlex import quote
from typing import Any

from arena.machine.files import write_json
from arena.record.encode import EpisodeRows
from arena.record.seals import META, file_digest_of
from arena.record.store import FILE_NAME, Store
from arena.untrusted import one_line
from arena_agents.files import read_bytes
from arena_agents.limits import LARGEST_LEDGER
from arena_games.base import UsageError

LEDGER = "ledger.json"
SHARDS = "shards"
BATCH = 200  # episodes a transaction
_STEP = ("position", "seat", "turn", "observation", "legal actions", "reply", "action", "invalid", "reward")
# What two plays of a match must share, by table: the places of its columns, and what to call them.
_SHARED: Mapping[str, Mapping[int, str]] = {
    "steps": dict(enumerate(_STEP)) | {10: "policy version"},
    "usages": {0: "position", 1: "seat", 7: "finish", 8: "reasoning"},
    "attempts": dict(enumerate(("position", "number", "seat", "reply", "invalid", "illegal")))
    | {13: "reasoning"},
    "plays": dict(enumerate(("position", "name", "illegal"))),
}
_COLUMNS = ("game", "version", "seed", "players", "rated seats", "returns", "placements", "successes")


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged run: its `episodes`, how many were `added` now, how many were there `twice`.

    `missing` says what is still to be played, one line each, with how.
    """

    episodes: int
    added: int
    twice: int
    shards: int
    missing: list[str]


def merge(out: Path, shards: Sequence[Path] = ()) -> Merged:
    """Join the runs in these folders (by default, all in `out/shards`) to the one in `out`.

    Repeated with more shards it goes on. Raises UsageError where there are none, they are not of one
    tournament, a seal is broken, or a match was played twice and not alike.
    """
    folders = list(dict.fromkeys(shards)) or _found(out)
    with ExitStack() as open_stores:
        stores = [open_stores.enter_context(Store.read(folder)) for folder in folders]
        plan = _plan(folders, stores)
        with Store.open(out, plan, stores[0].meta("environment")) as target:
            added, twice, entries = _join(target, folders, stores)
            episodes = target.count()
        missing = list(_missing(folders, stores))
    _write_ledger(out, entries, episodes)
    return Merged(episodes, added, twice, len(folders), missing)


def _found(out: Path) -> list[Path]:
    found = sorted(path.parent for path in (out / SHARDS).glob(f"*/{FILE_NAME}"))
    if not found:
        raise UsageError(
            f"{out} has no shards; play them with arena tournament --out {quote(str(out))} --shard K/N"
        )
    return found


def _plan(folders: Sequence[Path], stores: Sequence[Store]) -> dict[str, Any]:
    """What all of them were started with. Raises UsageError where they were not started alike."""
    plans = [store.meta("config") for store in stores]
    shares = [_share(plan) for plan in plans]
    for folder, store, plan in zip(folders, stores, plans, strict=True):
        plan.pop("shard", None)
        other = [key for key in sorted({*plan, *plans[0]}) if plan.get(key) != plans[0].get(key)]
        if other:
            raise UsageError(
                f"{folder} and {folders[0]} are of tournaments with other "
                f"{' and '.join(map(one_line, other))}; merge the shards of one"
            )
        if store.reads_exactly:
            raise UsageError(f"{folder} was played by an earlier version; play it anew to merge it")
        if broken := store.broken_seal(META):
            raise UsageError(f"the description of {folder} {broken}; leave it out, or play it anew")
    counts = sorted({share.of for share in shares if share})
    if len(counts) > 1:
        raise UsageError(f"these are shards of {' and of '.join(map(str, counts))}; merge those of one cut")
    return plans[0]


@dataclass(frozen=True, slots=True)
class _Share:
    """Which shard a run is, of how many, and how many matches were planned for it."""

    number: int
    of: int
    matches: int


def _share(config: Mapping[str, Any]) -> _Share | None:
    """None for a run that is no shard, or says it wrongly."""
    shard = config.get("shard")
    values = [shard.get(key) for key in ("number", "of", "matches")] if isinstance(shard, dict) else []
    whole = [value for value in values if type(value) is int]
    return _Share(*whole) if len(whole) == 3 else None


def _join(
    target: Store, folders: Sequence[Path], stores: Sequence[Store]
) -> tuple[int, int, list[dict[str, Any]]]:
    """Copy what is not there yet, in the order of ids; what was added, what was there, and the ledger."""
    tallies = [_Tally() for _ in stores]
    waiting: list[EpisodeRows] = []
    added = twice = 0
    in_order = heapq.merge(*(_numbered(place, store) for place, store in enumerate(stores)))
    for id_, same in groupby(in_order, key=lambda entry: entry[0]):
        known, where = target.rows_of(id_), target.path.parent
        for _, place, number in same:
            rows = _checked(stores[place], folders[place], number)
            tallies[place].add(rows)
            if known is None:
                waiting.append(rows)
                known, where, added = rows, folders[place], added + 1
            else:
                twice += 1
                _compare(known, rows, where, folders[place])
        if len(waiting) >= BATCH:
            target.add_rows(waiting)
            waiting = []
    if waiting:
        target.add_rows(waiting)
    entries = [
        _entry(target.path.parent, folder, store, tally)
        for folder, store, tally in zip(folders, stores, tallies, strict=True)
    ]
    return added, twice, entries


def _numbered(place: int, store: Store) -> Iterator[tuple[bytes, int, int]]:
    return ((id_, place, number) for id_, number in store.by_id())


def _checked(store: Store, folder: Path, number: int) -> EpisodeRows:
    broken = store.broken_seal(number)
    if broken:
        raise UsageError(f"{one_line(store.name_of(number))} in {folder} {broken}; leave that shard out")
    return store.rows(number)


class _Tally:
    """What a shard holds: how many episodes of each game, and a digest of their ids."""

    def __init__(self) -> None:
        self.games: Counter[str] = Counter()
        self.ids = blake2b(digest_size=16)

    def add(self, rows: EpisodeRows) -> None:
        self.games[str(rows.columns[0], "utf-8", "replace")] += 1
        self.ids.update(rows.id + b"\n")


def _compare(one: EpisodeRows, other: EpisodeRows, here: Path, there: Path) -> None:
    """Raises UsageError, with the first difference, for two plays of a match that are not alike."""
    found = None if _is_attempt(one) else difference(one, other)
    if found:
        raise UsageError(
            f"{one_line(str(one.id, 'utf-8', 'replace'))} was played twice and not alike: "
            f"{found} in {here} than in {there}; leave one of them out"
        )


def _is_attempt(rows: EpisodeRows) -> bool:
    """Whether a failure outside its agent ended it: another time it may end otherwise."""
    return bool(rows.columns[8] == "agent_error")


def difference(one: EpisodeRows, other: EpisodeRows) -> str | None:
    """What is first not the same in two plays of a match, apart from time and tokens; None if nothing is."""
    for table, named in _SHARED.items():
        rows, others = one.table(table), other.table(table)
        for row, theirs in zip(rows, others, strict=False):
            for place, name in named.items():
                if row[place] != theirs[place]:
                    return f"step {row[0]} has another {name}"
        if len(rows) != len(others):
            return f"there are {len(rows)} and not {len(others)} {table}"
    for name, value, its in zip(_COLUMNS, one.columns, other.columns, strict=False):
        if value != its:
            return f"there are other {name}"
    return None if one.columns == other.columns else "it ended otherwise"


def _missing(folders: Sequence[Path], stores: Sequence[Store]) -> Iterator[str]:
    shares = [_share(store.meta("config")) for store in stores]
    there = {share.number for share in shares if share}
    of = max((share.of for share in shares if share), default=0)
    for number in range(1, of + 1):
        if number not in there:
            yield f"shard {number}/{of} is missing: play it with --shard {number}/{of}, then merge again"
    for share, store, folder in zip(shares, stores, folders, strict=True):
        held = store.count(attempts=False)
        if share and held < share.matches:
            name, missing = f"shard {share.number}/{of} in {folder}", f"{held:,} of {share.matches:,}"
            yield f"{name} holds {missing} matches: repeat its command"


def _entry(out: Path, folder: Path, store: Store, tally: _Tally) -> dict[str, Any]:
    share = _share(store.meta("config"))
    return {
        "folder": relpath(folder, out),
        "shard": share and f"{share.number}/{share.of}",
        "episodes": tally.games.total(),
        "games": dict(sorted(tally.games.items())),
        "ids_blake2b": tally.ids.hexdigest(),
        "file_blake2b": file_digest_of(store.path),
        "environment": store.meta("environment"),
    }


def _write_ledger(out: Path, entries: Sequence[dict[str, Any]], episodes: int) -> None:
    """Write who brought what; shards that were merged before, and are not now, stay in it."""
    by_folder = {str(entry.get("folder")): entry for entry in [*_earlier(out / LEDGER), *entries]}
    write_json(
        out / LEDGER, {"episodes": episodes, "shards": [by_folder[name] for name in sorted(by_folder)]}
    )


def _earlier(ledger: Path) -> list[dict[str, Any]]:
    """The entries of the ledger that is there. Raises UsageError for one that cannot be read."""
    if not ledger.exists():
        return []
    try:
        shards = json.loads(read_bytes(ledger, LARGEST_LEDGER))["shards"]
        return [dict(entry) for entry in shards]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{ledger} is no ledger; move it away, then merge again") from None
