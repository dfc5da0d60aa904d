"""What training a model of real size costs: its shape is real, its weights are random.

    python -m tests.benchmarks.real_model --shape 50m            # a CPU
    python -m tests.benchmarks.real_model --shape 3b             # a GPU, with the trainer's defaults
    python -m tests.benchmarks.real_model --shape 3b --engine transformers --set micro_tokens=8192

Some updates of `arena train snake`, and of them the medians. See `shaped_model` for what such a model
says: no reply ends before `max_new_tokens`, which makes this the dearest case.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from arena.training.config import MsgrpoConfig
from arena.training.memory.estimate import gigabytes
from arena.training.memory.fit import check_memory
from arena.training.settings import new_config
from tests.benchmarks.shaped_model import SHAPES, make

# A batch that a CPU thread can update on in half a minute.
SMALL = ("groups=2", "group_size=4", "max_new_tokens=32", "micro_tokens=4096", "eval_episodes=2")
Rows = list[dict[str, Any]]


def train(source: Path, run: Path, settings: Sequence[str]) -> Rows:
    """The metrics of each update."""
    options = [word for setting in settings for word in ("--set", setting)]
    command = ["arena", "train", "snake", "--agent", f"hf:{source}", "--out", str(run), *options]
    subprocess.run([sys.executable, "-m", *command], check=True)
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines][1:]


def measured(rows: Rows, estimate: int) -> dict[str, str]:
    """What the table shows: medians over the updates, and the most memory."""
    columns = {name: median(row[name] for row in rows) for name in rows[0] if name.startswith("seconds/")}
    seconds = {
        name.removeprefix("seconds/"): f"{value:.1f} s"
        for name, value in columns.items()
        if "eval" not in name
    }
    return {
        "replies' tokens a second of rollout": f"{median(row['tokens_per_s'] for row in rows):.1f}",
        **seconds,
        "peak memory": gigabytes(max(row["peak_memory"] for row in rows)),
        "estimated beforehand": gigabytes(estimate),
    }


def hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shape", choices=SHAPES, default="50m")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    steps = f"steps={arguments.steps}", f"eval_every={arguments.steps}"
    small = () if torch.cuda.is_available() else SMALL
    settings = [*small, *steps, f"engine={arguments.engine}", *arguments.set]
    with TemporaryDirectory() as folder:
        source = Path(folder) / "model"
        make(arguments.shape, source)
        config = new_config({"game": "snake", "agent": f"hf:{source}"}, settings, None)
        assert isinstance(config, MsgrpoConfig)
        estimate = check_memory(config).peak
        found = measured(train(source, Path(folder) / "run", settings), estimate)
    table = Table("", arguments.shape, title=f"{hardware()}; {' '.join(settings)}", title_justify="left")
    for row in found.items():
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
