"""`arena card`: a run on one page, and as JSON; `arena verify --card`: whether a run is what a card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from arena.machine.files import write_output
from arena.record.card import card_of, first_difference, read_card
from arena.untrusted import markdown_text, one_line
from arena_leaderboard.views.numbers import between_ends


def write_card(run: Path, out: Path | None, *, as_json: bool) -> None:
    """Print a run's card, as a page of Markdown or as JSON, or write it: JSON to FILE.json, else Markdown."""
    card = card_of(run)
    as_json = as_json or (out is not None and out.suffix == ".json")
    text = json.dumps(card, indent=2) + "\n" if as_json else _page(card)
    if out is None:
        print(text, end="")
    else:
        write_output(out, text)
        print(f"The card is {out}; elsewhere: arena verify RUN --card FILE.json")


def show_card_check(run: Path, card: Path) -> bool:
    """Say whether the run is what the card tells of, or name the first difference."""
    difference = first_difference(read_card(card), card_of(run))
    told = "the same as the card" if difference is None else f"not the card's: {difference}"
    print(one_line(f"{run} is {told}"))
    return difference is None


def _page(card: dict[str, Any]) -> str:
    lines = [f"# A {card['kind']} of tmsg-arena {card['program']}", ""]
    if card["kind"] == "tournament":
        lines += [f"{card['episodes']:,} episodes; moves and returns {card['moves']}", ""]
    lines += ["| setting | value |", "| --- | --- |"]
    lines += [f"| {name} | {markdown_text(json.dumps(value))} |" for name, value in card["config"].items()]
    lines += ["", "| policy | files |", "| --- | --- |"]
    lines += [f"| {markdown_text(name)} | {digest} |" for name, digest in card["policies"].items()]
    for name, rows in card.get("ratings", {}).items():
        lines += ["", f"## {markdown_text(name)}", ""]
        lines += ["| agent | rating | 95 % | matches |", "| --- | --- | --- | --- |"]
        lines += map(_rating, rows)
    return "\n".join(lines) + "\n"


def _rating(row: dict[str, Any]) -> str:
    rated = row["rating"] is not None
    low, high = row["ci95"] or (0, 0)
    shown = f"{row['rating']:.0f} | {between_ends((low, high), ' … ')}" if rated else "– | –"
    return f"| {markdown_text(row['agent'])} | {shown} | {row['matches']} |"
