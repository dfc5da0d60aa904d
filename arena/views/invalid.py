"""Why replies were invalid, for people and for machines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.match.episode import Fault
from arena.record.plays import Faults
from arena.untrusted import one_line

LONGEST_NAME = 32


def invalid_json(faults: Faults) -> list[dict[str, Any]]:
    """One object an agent and game, with a count of each fault."""
    return [
        {"agent": agent, "game": game, **{str(fault): counts[fault] for fault in Fault}}
        for (agent, game), counts in faults.items()
    ]


def show_invalid(faults: Faults, console: Console) -> None:
    """Print how many replies of each agent were invalid, and why; nothing where none was."""
    if not faults:
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=LONGEST_NAME)
    table.add_column()
    for (agent, game), counts in faults.items():
        table.add_row(Text(one_line(agent)), Text(one_line(game)), Text(in_words(counts)))
    console.print(Text(), Text("Invalid replies", "bold"), table, sep="\n")


def in_words(counts: Counter[Fault]) -> str:
    """`12 illegal, 3 unreadable`: the most frequent fault first."""
    return ", ".join(f"{count:,} {fault}" for fault, count in counts.most_common())
