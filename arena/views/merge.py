"""`arena merge`: what the shards have brought, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from arena.record.merge import LEDGER, merge
from arena.untrusted import one_line
from arena.views.messages import note, warn


def show_merge(out: Path, shards: Sequence[Path]) -> bool:
    """Merge and say what came of it; whether nothing is missing."""
    merged = merge(out, shards)
    print(
        f"{one_line(str(out))} holds {merged.episodes:,} episodes: {merged.added:,} were added from "
        f"{merged.shards} shards, {merged.twice:,} were there already and agree"
    )
    ledger = one_line(str(out / LEDGER))
    note(f"{ledger} says which brought what; arena leaderboard {quote(str(out))} ranks them")
    for line in merged.missing:
        warn(one_line(line))
    return not merged.missing
