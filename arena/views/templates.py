"""`arena tournament --templates`: every template's tournament, and whether templates decide who wins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.files import write_json
from arena.tournament.entrants import parse_entrants
from arena.tournament.options import TournamentOptions
from arena.tournament.templates import NULL, Arm, arms
from arena.untrusted import escaped_name
from arena.views.messages import note
from arena.views.numbers import UNKNOWN
from arena.views.tournament import play_tournament, warn_of
from arena_games.base import UsageError
from arena_games.families import family
from arena_leaderboard import MatchResult, OrderEffect, order_effect
from arena_leaderboard.model.several import holm

REPORT = "templates.json"
NUMBERS = (
    ("Σ |Δ rank|", "moved", "g"),
    ("by chance", "by_chance", ".2f"),
    ("p", "p", ".3f"),
    ("p, Holm", "p_holm", ".3f"),
    ("Σ |Δ rating|", "points", ".0f"),
    ("by chance", "points_by_chance", ".0f"),
    ("p", "points_p", ".3f"),
    ("p, Holm", "points_p_holm", ".3f"),
)


def hold_templates(
    options: TournamentOptions, templates: str, *, as_json: bool = False, dry_run: bool = False
) -> bool:
    """Play one tournament a template, and the first once more; show how far ranks move.

    Whether all was trained and played. Raises UsageError as `arms` and `Tournament.of`, and for what such a
    comparison cannot be joined with.
    """
    if options.until_separated or options.shard is not None:
        raise UsageError(
            "--templates plays the planned matches whole; leave --until-separated and --shard out"
        )
    found, whole = arms(templates, options.out), True
    if dry_run:
        raise UsageError(
            f"--dry-run forecasts one tournament; leave --templates out, which plays {len(found)} of them"
        )
    names = [entrant.label for entrant in parse_entrants(options.agents, options.defaults)]
    played: list[list[MatchResult]] = []
    for arm in found:
        asked = replace(options, out=arm.folder, defaults={**options.defaults, **arm.settings})
        called = [entrant.label for entrant in parse_entrants(asked.agents, asked.defaults)]
        arm.write()
        note(f"template {arm.name}" + (" (the first one, other draws)" if arm.again else ""))
        result = play_tournament(asked)
        warn_of(result)
        whole = whole and not (result.failed or result.cut_short)
        plain = dict(zip(called, names, strict=True))
        played.append([_renamed(one, plain) for one in result.results])
    effects = [_effect(played[0], other) for other in played[1:]]
    shape = _shape(found, effects)
    write_json(options.out / REPORT, shape)
    if as_json:
        print(json.dumps(shape, indent=2))
    else:
        console = Console()
        console.print(_table(shape))
        console.print(Text(_words(found[0])), soft_wrap=True)
        note(f"each template's leaderboard: arena leaderboard {quote(str(found[0].folder))}, and so on")
    return whole


def _renamed(result: MatchResult, names: Mapping[str, str]) -> MatchResult:
    """The result under the names that agents have without a template."""
    culprit = result.culprit and names.get(result.culprit, result.culprit)
    return replace(result, players=tuple(names[player] for player in result.players), culprit=culprit)


def _effect(first: Sequence[MatchResult], other: Sequence[MatchResult]) -> OrderEffect:
    effect = order_effect(first, other, family=family)
    if effect is None:
        raise UsageError("no seed was rated with both templates; play more --matches")
    return effect


def _shape(found: Sequence[Arm], effects: Sequence[OrderEffect]) -> dict[str, Any]:
    """`{"first": name, "compared": [{"template", "null", "moved", "by_chance", "p", "p_holm", …}…]}`."""
    ranks = holm([effect.p for effect in effects[1:]])
    points = holm([effect.points_p for effect in effects[1:]])
    rows = [
        {
            "template": found[0].name if arm.again else arm.name,
            "null": arm.again,
            "p_holm": None if arm.again else ranks[place - 1],
            "points_p_holm": None if arm.again else points[place - 1],
            **effect.to_json(),
        }
        for place, (arm, effect) in enumerate(zip(found[1:], effects, strict=True))
    ]
    return {"first": found[0].name, "null_folder": NULL, "compared": rows}


def _table(shape: dict[str, Any]) -> Table:
    rows = shape["compared"]
    agents, first = rows[0]["agents"], rows[0]["first"]
    shown = Table(box=None, pad_edge=False)
    for heading in ("rank", escaped_name(shape["first"]), *map(_named, rows)):
        shown.add_column(Text(heading), justify="left" if heading == "rank" else "right", no_wrap=True)
    for agent, rank in sorted(zip(agents, first, strict=True), key=lambda pair: (pair[1], pair[0])):
        others = [
            row["second"][row["agents"].index(agent)] if agent in row["agents"] else None for row in rows
        ]
        shown.add_row(Text(escaped_name(agent)), *(_number(value, "g") for value in (rank, *others)))
    for label, key, form in NUMBERS:
        shown.add_row(Text(label), "", *(_number(row[key], form) for row in rows), style="bold")
    return shown


def _number(value: float | None, form: str) -> str:
    return UNKNOWN if value is None else f"{value:{form}}"


def _named(row: dict[str, Any]) -> str:
    return "again (null)" if row["null"] else escaped_name(row["template"])


def _words(first: Arm) -> str:
    return (
        f"again (null): {escaped_name(first.name)} byte for byte, other draws of the replies. p: how often "
        "ranks, or ratings, move as far when each seed's results are swapped between the two at random."
    )
