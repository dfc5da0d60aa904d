"""`arena compare`: in what two runs differ: settings, where their curves end, and returns on shared seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.record.paired import Paired, paired_returns
from arena.record.store import FILE_NAME, Store
from arena.untrusted import escaped_line
from arena.views.curves import Curve
from arena_games.base import UsageError

ENDS = ("eval/return", "eval/success", "train/return", "invalid_rate", "kl", "episodes", "seconds")
WIDEST = 40  # characters of a value


@dataclass(frozen=True, slots=True)
class Comparison:
    """`settings` and `ends` hold a name and the two runs' values, None where a run has none.

    `tests` holds paired returns by whose they are: an agent's that two tournaments share, or two trainings'.
    """

    runs: tuple[str, str]
    settings: Sequence[tuple[str, Any, Any]]
    ends: Sequence[tuple[str, float | None, float | None]]
    tests: Mapping[str, Sequence[Paired]]


def show_comparison(first: Path, second: Path, *, played_in: Path | None, as_json: bool) -> None:
    """Print in what two runs differ, as tables or as JSON."""
    found = compare(first, second, played_in)
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    console = Console()
    for table in _tables(found):
        console.print(table)
    if not found.tests:
        console.print(
            Text(
                "\nNo test episodes of both are stored. Play them in one tournament, and name it: "
                "arena compare … --played-in RUN",
                "dim",
            )
        )


def compare(first: Path, second: Path, played_in: Path | None = None) -> Comparison:
    """In what two runs differ. Trainings are compared on test seeds where both play in `played_in`.

    Raises UsageError if one is a tournament and the other none, or a folder holds no run.
    """
    tournaments = [(folder / FILE_NAME).is_file() for folder in (first, second)]
    if tournaments[0] != tournaments[1]:
        raise UsageError(f"{first} and {second} are a training and a tournament; compare two of a kind")
    names = (str(first), str(second))
    if tournaments[0]:
        return Comparison(names, *_of_tournaments(first, second))
    ours, theirs = Curve.read(first), Curve.read(second)
    tests = _played(first, second, played_in) if played_in else {}
    return Comparison(names, differing(ours.config, theirs.config), list(_ends(ours, theirs)), tests)


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The settings whose values differ, in the order in which they are stored."""
    return [
        (name, ours.get(name), theirs.get(name))
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name)
    ]


def _ends(ours: Curve, theirs: Curve) -> Iterator[tuple[str, float | None, float | None]]:
    for metric in ENDS:
        ends = [points[-1][1] if (points := curve.points(metric)) else None for curve in (ours, theirs)]
        if any(end is not None for end in ends):
            yield metric, ends[0], ends[1]
    best = [curve.milestones[1] for curve in (ours, theirs)]
    yield "best eval/return", best[0], best[1]


def _of_tournaments(first: Path, second: Path) -> tuple[Any, Any, Any]:
    with Store.read(first) as ours, Store.read(second) as theirs:
        configs = ours.meta("config"), theirs.meta("config")
        results = ours.results(), theirs.results()
    shared = [name for name in configs[0].get("agents", {}) if name in configs[1].get("agents", {})]
    tests = {agent: paired_returns(results[0], agent, results[1], agent) for agent in shared}
    return differing(*configs), [], {agent: pairs for agent, pairs in tests.items() if pairs}


def _played(first: Path, second: Path, folder: Path) -> Mapping[str, Sequence[Paired]]:
    with Store.read(folder) as store:
        agents, results = store.meta("config").get("agents", {}), store.results()
    labels = [_label(agents, run, folder) for run in (first, second)]
    pairs = paired_returns(results, labels[0], results, labels[1])
    return {f"{labels[0]} → {labels[1]}": pairs} if pairs else {}


def _label(agents: Mapping[str, str], run: Path, folder: Path) -> str:
    """The name under which a training's policy plays in a tournament."""
    for label, spec in agents.items():
        path = Path(spec.partition("[")[0]).resolve()
        if run.resolve() in (path, path.parent) or run.resolve() == (folder / "agents" / label).resolve():
            return label
    raise UsageError(
        f"{run} does not play in {folder}; play both: "
        f"arena tournament --agents {run},… --games … --out {folder}-2"
    )


def _tables(found: Comparison) -> Iterator[Table]:
    if found.settings:
        yield _values("setting", found.runs, found.settings)
    if found.ends:
        yield _values("last", found.runs, found.ends)
    for title, pairs in found.tests.items():
        table = Table(box=None, pad_edge=False, title=Text(escaped_line(title, 80)), title_justify="left")
        table.add_column("game", no_wrap=True)
        for heading in ("seeds", "first", "second", "difference", "95% interval"):
            table.add_column(heading, justify="right")
        for pair in pairs:
            interval = "—" if pair.ci95 is None else f"{pair.ci95[0]:+.2f} … {pair.ci95[1]:+.2f}"
            means = (f"{pair.first:.2f}", f"{pair.second:.2f}", f"{pair.difference:+.2f}")
            table.add_row(Text(pair.game), str(pair.seeds), *means, interval)
        yield table


def _values(heading: str, runs: tuple[str, str], rows: Sequence[tuple[str, Any, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(heading, no_wrap=True)
    for run in runs:
        table.add_column(Text(escaped_line(run, WIDEST)), overflow="fold")
    for name, *values in rows:
        table.add_row(Text(escaped_line(name, WIDEST)), *(Text(_shown(value)) for value in values))
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    text = (
        f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    )
    return escaped_line(text, WIDEST)
