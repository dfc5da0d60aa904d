"""What the agents' replies took, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.record.usages import Spending
from arena.untrusted import one_line
from arena.views.numbers import compact, dollars

LONGEST_NAME = 32
ODD = {
    "retries": "retries",
    "refusals": "refused",
    "truncated": "cut off",
    "empty": "empty",
    "failed": "failed",
}


def spending_json(spending: Mapping[str, Spending]) -> list[dict[str, Any]]:
    """One object an agent; null is what is not known."""
    return [{"agent": agent, **asdict(spent)} for agent, spent in spending.items()]


def show_spending(spending: Mapping[str, Spending], console: Console) -> None:
    """Print what each agent's replies took, as much as there is to tell; nothing where there are none."""
    if not spending:
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=LONGEST_NAME)
    table.add_column()
    for agent, spent in spending.items():
        table.add_row(Text(one_line(agent)), Text(sentence(spent)))
    console.print(Text(), Text("Replies", "bold"), table, sep="\n")


def sentence(spent: Spending) -> str:
    """Replies, tokens and cost, then what was out of the ordinary."""
    thought = f" ({_in_words(spent.reasoning_tokens)} of them reasoning)" if spent.reasoning_tokens else ""
    told = [
        f"{spent.replies:,} replies",
        f"{_in_words(spent.prompt_tokens)} tokens in",
        f"{_in_words(spent.completion_tokens)} out{thought}",
        *([] if spent.cost is None else [dollars(spent.cost)]),
    ]
    odd = [f"{getattr(spent, name):,} {word}" for name, word in ODD.items() if getattr(spent, name)]
    return ", ".join(told) + (f"; {', '.join(odd)}" if odd else "")


def _in_words(count: int | None) -> str:
    return "unknown" if count is None else compact(count)
