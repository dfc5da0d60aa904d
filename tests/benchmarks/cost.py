"""What a training step of nano costs: FLOPs and bytes, the fraction of the matmul peak, and the rest.

    python -m tests.benchmarks.cost [--json FILE]

One rollout and one update of the base model, by its presets. FLOPs are those that torch executes in matrix
products and attention; the peak is the best of several 1024 x 1024 products on one thread. Seconds by kind
of work come from torch's profiler, under which everything takes a little longer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from arena.training.config import MsgrpoConfig
from arena.training.msgrpo.training import MsgrpoTraining
from arena.training.reporter import Silence
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config

Row = dict[str, object]
GAMES = ("frozen-lake", "snake")
PRODUCTS, ATTENTION = ("aten::mm", "aten::addmm", "aten::bmm"), "aten::_scaled_dot_product"
COPIES = ("aten::cat", "aten::copy_", "aten::fill_", "aten::index", "aten::index_select")


def rows(game: str) -> Iterator[Row]:
    """A row for the rollout and one for the update of a game."""
    with TemporaryDirectory() as folder:
        config = new_config({"game": game, "agent": "nano"}, (), None)
        assert isinstance(config, MsgrpoConfig)
        run = RunFolder.create(Path(folder) / "run", config)
        training = MsgrpoTraining(config, run, Silence(), None)
        training.start()
        training.step = 1
        rollout = training.roll_out()
        drawn = sum(len(step.reply.sample.token_ids) for step in rollout.steps if step.reply.sample)
        yield {"work": f"rollout, {game}", "replies' tokens": drawn, **cost(training.roll_out)}
        yield {
            "work": f"update, {game}",
            "replies' tokens": round(drawn * training.config.keep),
            **cost(lambda: training.learn(rollout)),
        }


def cost(work: Callable[[], Any]) -> Row:
    """Seconds, GFLOPs, fraction of the peak, and where the seconds go."""
    seconds = min(_seconds(work) for _ in range(5))
    with FlopCounterMode(display=False) as counter:
        work()
    with kept_for_gradients() as kept:
        work()
    gflops = counter.get_total_flops() / 1e9
    return {
        "seconds": round(seconds, 2),
        "GFLOP": round(gflops, 1),
        "of the peak": f"{gflops / seconds / peak():.0%}",
        "kept for gradients, MB": round(max(kept, default=0) / 1e6),
        **where(work),
    }


def where(work: Callable[[], Any]) -> Row:
    """The shares of products, attention, copies, other tensor operations, and all that is not torch."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        began = time.perf_counter()
        work()
        total = time.perf_counter() - began
    spent = {"products": 0.0, "attention": 0.0, "copies": 0.0, "elementwise": 0.0}
    for event in profiled.key_averages():
        spent[_kind(event.key)] += event.self_cpu_time_total / 1e6
    python = max(0.0, total - sum(spent.values()))
    return {name: f"{seconds / total:.0%}" for name, seconds in {**spent, "Python": python}.items()}


def _kind(operation: str) -> str:
    if operation in PRODUCTS:
        return "products"
    if operation.startswith(ATTENTION):
        return "attention"
    return "copies" if operation in COPIES else "elementwise"


@contextmanager
def kept_for_gradients() -> Iterator[list[int]]:
    """Collects how many bytes autograd holds whenever it stores something."""
    held: dict[int, int] = {}
    totals: list[int] = []

    def store(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        totals.append(sum(held.values()))
        return tensor

    def fetch(tensor: torch.Tensor) -> torch.Tensor:
        held.pop(tensor.untyped_storage().data_ptr(), None)
        return tensor

    with saved_tensors_hooks(store, fetch):
        yield totals


@cache
def peak() -> float:
    """GFLOP/s of a large product."""
    one, other = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 2 * 1024**3 / min(_seconds(lambda: one @ other) for _ in range(50)) / 1e9


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cost", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("runs/cost.json"), metavar="FILE")
    path = parser.parse_args().json
    found = [row for game in GAMES for row in rows(game)]
    table = Table(title=f"a training step of nano; the machine's peak is {peak():.0f} GFLOP/s a thread")
    for name in found[0]:
        table.add_column(name, justify="left" if name == "work" else "right")
    for row in found:
        table.add_row(*map(str, row.values()))
    Console().print(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"peak_gflops": peak(), "rows": found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
