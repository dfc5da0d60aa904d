"""What was played, where its number does not say it, as rows of the run's file, and back.

A step has a row here if its game's positions name their actions (the name), if the game takes free text
(what was said), or if its reply was invalid because it named what may not be played.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from arena.match.episode import Episode, Fault, Step
from arena.record import packed
from arena.record.columns import SAID, names
from arena.record.usages import Keep, SqlRow

TABLE = """\
CREATE TABLE plays (
    episode INTEGER NOT NULL REFERENCES episodes (number),
    position INTEGER NOT NULL,  -- of the step
    name BLOB REFERENCES texts (digest),  -- the action's, or what was said; NULL where its number says it
    illegal INTEGER NOT NULL,
    PRIMARY KEY (episode, position)
) WITHOUT ROWID;"""
QUERY = f"SELECT position, {packed.text_of('name')}, illegal FROM plays WHERE episode = ?"


def has_place(connection: sqlite3.Connection) -> bool:
    """Whether the file can hold such rows; the games that need them are not played into one that cannot."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'plays'").fetchone()
    return found is not None


def rows(episode: Episode, keep: Keep) -> Iterator[SqlRow]:
    """An episode's rows, without the episode's number."""
    for position, step in enumerate(episode.steps):
        name = step.action if isinstance(step.action, str) else step.name
        if name is not None or step.illegal:
            yield position, None if name is None else keep(name), int(step.illegal)


def to_names(found: Iterable[SqlRow]) -> dict[int, tuple[str | None, bool]]:
    """Names and whether a reply was illegal, by the position of the step, from rows of `QUERY`."""
    return {
        position: (None if name is None else name.decode("utf-8", "surrogatepass"), bool(illegal))
        for position, name, illegal in found
    }


def number_of(step: Step) -> int:
    """What the column of actions' numbers holds of a step."""
    return SAID if isinstance(step.action, str) else step.action


# Invalid replies after all, by agent and game: cut off at their limit's end, unreadable, or illegal.
FAULTS = (
    "SELECT players, steps.seat, game, CASE WHEN plays.illegal THEN 'illegal' "
    "WHEN finish = 'length' THEN 'cut off' ELSE 'unreadable' END AS fault, count(*) FROM steps "
    "JOIN episodes ON number = steps.episode LEFT JOIN plays USING (episode, position) "
    "LEFT JOIN usages USING (episode, position) WHERE invalid IS NOT NULL "
    "GROUP BY players, steps.seat, game, fault"
)
Faults = dict[tuple[str, str], Counter[Fault]]


def to_faults(counted: Iterable[SqlRow]) -> Faults:
    """The rows of `FAULTS` by (agent, game), in the order of their names."""
    found: Faults = defaultdict(Counter)
    for players, seat, game, fault, count in counted:
        found[names(players)[seat], game.decode("utf-8", "surrogatepass")][Fault(fault)] += count
    return dict(sorted(found.items()))
