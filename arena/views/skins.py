"""What agents lose by skins, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.record.paired import SkinDrop
from arena.untrusted import one_line
from arena.views.numbers import UNKNOWN

LONGEST_NAME = 28


def skins_json(drops: Sequence[SkinDrop]) -> list[dict[str, Any]]:
    """One object an agent and game."""
    return [asdict(drop) for drop in drops]


def show_skins(drops: Sequence[SkinDrop], console: Console) -> None:
    """Print each agent's mean return plain and in skins, and the drop; nothing where no game wore any."""
    if not drops:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("game", "agent"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=LONGEST_NAME)
    for heading in ("seeds", "plain", "skinned", "drop", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for drop in drops:
        table.add_row(
            Text(one_line(drop.game)),
            Text(one_line(drop.agent)),
            str(drop.seeds),
            f"{drop.plain:.2f}",
            f"{drop.skinned:.2f}",
            f"{drop.drop:+.2f}",
            UNKNOWN if drop.ci95 is None else f"{drop.ci95[0]:+.2f} … {drop.ci95[1]:+.2f}",
        )
    console.print(Text(), Text("Returns, plain and in skins", "bold"), table, sep="\n")
