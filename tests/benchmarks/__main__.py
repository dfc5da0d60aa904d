"""Every speed that we promise, measured beside what people would use instead.

    python -m tests.benchmarks [WORK ...] [--runs N] [--json FILE]

prints a table and writes it as JSON. `make bench` does so with the peers installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Measured, Work, measure

# Each is imported when its turn comes, so that a row can be had without the other rows' peers.
WORKS = {
    "snake-duel": "games:snake_duel",
    "frozen-lake": "games:frozen_lake",
    "play": "matches:snake_duel",
    "play-lake": "matches:frozen_lake",
    "two-workers": "workers:two_workers",
    "sandbox": "sandbox:batch_of_one",
    "sandbox-64": "sandbox:batch_of_64",
    "rollout-frozen-lake": "rollout:rollout_frozen_lake",
    "rollout-snake": "rollout:rollout_snake",
    "rollout-frozen-lake-smollm2": "rollout:rollout_frozen_lake_smollm2",
    "rollout-snake-smollm2": "rollout:rollout_snake_smollm2",
    "rollout-frozen-lake-vllm": "rollout:rollout_frozen_lake_vllm",
    "rollout-snake-vllm": "rollout:rollout_snake_vllm",
    "update": "update:update",
    "update-distinct": "update:update_distinct",
    "update-shared": "update:update_shared",
    "dqn": "dqn:snake",
    "dqn-frozen-lake": "dqn:frozen_lake",
    "dqn-8-environments": "dqn:snake_copies",
    "ratings": "ratings:duels",
    "ratings-4-seats": "ratings:races",
    "help": "startup:help_text",
    "list-games": "startup:list_games",
    "eval-random": "startup:eval_random",
}
PACKAGES = ("torch", "transformers", "trl", "stable-baselines3", "textarena", "choix", "numpy")


def main() -> None:
    options = _options()
    console = Console()
    rows = []
    for name in options.works:
        console.print(f"[dim]{name} …[/]", highlight=False)
        rows.append(measure(_factory(name)(), options.runs))
        _write(options.json, rows)
    console.print(_table(rows))
    console.print(f"{_machine()['cpu']}, {_machine()['threads']} thread(s); written to {options.json}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)} (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs that count (default: 5)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks.json"), metavar="FILE")
    options = parser.parse_args()
    unknown = set(options.works) - set(WORKS)
    if unknown:
        parser.error(f"no work {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    options.works = options.works or list(WORKS)
    return options


def _factory(name: str) -> Callable[[], Work]:
    module, _, function = WORKS[name].partition(":")
    factory: Callable[[], Work] = getattr(import_module(f"tests.benchmarks.{module}"), function)
    return factory


def _write(path: Path, rows: list[Measured]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": _machine(), "works": [{**asdict(row), "met": row.met} for row in rows]}
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _table(rows: list[Measured]) -> Table:
    table = Table(title="ours beside theirs: medians, and the ratio's spread over the pairs of runs")
    for column in ("work", "ours", "peer", "theirs", "ratio", "reach", "aim", ""):
        table.add_column(column, justify="left" if column in ("work", "peer", "") else "right")
    for row in rows:
        sign, unit = ("≥", "×") if row.goal == "times as fast" else ("≤", "×")
        unit = " s" if row.goal == "seconds" else unit
        table.add_row(
            row.work,
            f"{row.ours:,.4g} {row.unit}",
            row.peer,
            "" if row.theirs is None else f"{row.theirs:,.4g}",
            f"{row.value:.3g}{unit} ({row.low:.3g}–{row.high:.3g})",
            f"{sign} {row.reach:g}{unit}",
            f"{sign} {row.aim:g}{unit}",
            "[green]met[/]" if row.met else "[red]missed[/]",
        )
    return table


def _machine() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES if find_spec(name.replace("-", "_"))},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


if __name__ == "__main__":
    sys.exit(main())
