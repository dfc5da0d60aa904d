"""What replies took, as rows of the run's file, and the sums of them by agent.

A row belongs to a step; one past the last step to the reply whose failure ended the episode.
Reasoning is kept like other texts: once, as bytes, under its digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from arena.record.columns import names
from arena_agents import Reply, Usage

TABLE = """\
CREATE TABLE usages (
    episode INTEGER NOT NULL REFERENCES episodes (number),
    position INTEGER NOT NULL, seat INTEGER NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, reasoning_tokens INTEGER,
    cost REAL,  -- USD
    retries INTEGER NOT NULL, finish TEXT NOT NULL,
    reasoning BLOB REFERENCES texts (digest),
    PRIMARY KEY (episode, position)
) WITHOUT ROWID;"""
COLUMNS = "prompt_tokens, completion_tokens, reasoning_tokens, cost, retries, finish"
# Replies that were asked for again are paid like all others.
TOTALS = (
    "SELECT players, seat, count(*), "
    + "".join(
        # Not sum(): that of integers overflows, and a run that holds large ones could not be shown any more.
        f"CASE WHEN count({column}) THEN total({column}) END, "
        for column in ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cost", "retries")
    )
    + "sum(finish = 'refusal'), sum(finish = 'length'), sum(finish = 'empty'), "
    f"sum(finish = 'error') FROM (SELECT episode, seat, {COLUMNS} FROM usages UNION ALL "
    f"SELECT episode, seat, {COLUMNS} FROM attempts WHERE finish IS NOT NULL) "
    "JOIN episodes ON number = episode GROUP BY players, seat"
)

UNBELIEVABLE = 1e18  # of tokens, of dollars
SqlRow = tuple[Any, ...]  # of a query's answer
Keep = Callable[[str], bytes]  # stores a text and gives its digest


@dataclass(frozen=True, slots=True)
class Spending:
    """What all of an agent's replies took. `replies` counts the failed ones too.

    Requests sent are `replies + retries`. Sums are over what is known, None where nothing is;
    `cost` is in USD.
    """

    replies: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    retries: int = 0
    refusals: int = 0
    truncated: int = 0
    empty: int = 0
    failed: int = 0

    def bounded(self) -> Spending:
        """The same, without a sum of dollars that nobody can have spent: what is not known can be shown."""
        believed = self.cost is not None and 0 <= self.cost < UNBELIEVABLE
        return self if believed or self.cost is None else replace(self, cost=None)

    def __add__(self, other: Spending) -> Spending:
        return Spending(*(_sum(getattr(self, f.name), getattr(other, f.name)) for f in fields(Spending)))


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other


def usage_rows(replies: Iterable[tuple[int, Reply]], keep: Keep) -> Iterator[SqlRow]:
    """The rows of replies, each with its seat; none where a reply has nothing to tell."""
    for position, (seat, reply) in enumerate(replies):
        usage = reply.usage
        if usage is None and reply.reasoning is None:
            continue
        usage = usage or Usage(None, None)
        yield (
            *(position, seat),
            *(usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens),
            *(usage.cost, usage.retries, usage.finish),
            None if reply.reasoning is None else keep(reply.reasoning),
        )


def to_usage(values: SqlRow) -> Usage | None:
    """The usage in the values of `COLUMNS`; None where the step has none."""
    return None if values[-1] is None else Usage(*values)


def totals(rows: Iterable[SqlRow]) -> Mapping[str, Spending]:
    """The rows of `TOTALS` by agent, in the order of their names."""
    by_agent: dict[str, Spending] = defaultdict(Spending)
    for players, seat, *sums in rows:
        by_agent[names(players)[seat]] += _spending(sums)
    return {agent: spent.bounded() for agent, spent in sorted(by_agent.items())}


def _spending(sums: Iterable[Any]) -> Spending:
    replies, prompt, completion, reasoning, cost, retries, *ends = sums
    counts = (None if count is None else _whole(count) for count in (prompt, completion, reasoning))
    return Spending(*(replies, *counts, cost, _whole(retries or 0), *ends))


def _whole(count: float) -> int:
    return int(max(0.0, min(count, UNBELIEVABLE)))
