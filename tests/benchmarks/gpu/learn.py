"""Runs of `arena train` to their end, as a user starts them, and their resumption."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.gpu.bench import Bench

FILES = (
    "config.json",
    "environment.json",
    "metrics.jsonl",
    "curve.png",
    "best/agent.json",
    "last/agent.json",
)
Metrics = list[dict[str, Any]]


def nano(bench: Bench) -> None:
    """nano on frozen-lake by its preset: 80 updates."""
    run = bench.scratch / "nano"
    options = ["--set", "groups=2", "--set", "eval_episodes=4", "--steps", "3"] if bench.small else []
    took, said = arena("train", "frozen-lake", "--agent", "nano", "--out", str(run), *options)
    rows = metrics(run)
    scores = [row["eval/success"] for row in rows if row["eval/success"] is not None]
    bench.row("nano, frozen-lake", seconds=took, updates=len(rows) - 1, first=scores[0], last=scores[-1])
    bench.row("nano, frozen-lake, an update", **phases(rows))
    _ended(bench, "nano, frozen-lake", run, said)


def smollm2(bench: Bench) -> None:
    """Two updates of snake from the untaught model, the second of them again from a checkpoint."""
    folder, run = bench.folder(), bench.scratch / "smollm2-snake"
    size = ["groups=2", "group_size=4", "eval_episodes=2"] if bench.small else ["groups=4", "eval_episodes=8"]
    words = [*size, f"max_new_tokens={bench.few(32, 4)}", "checkpoint_every=1", "eval_every=2"]
    options = [o for word in words for o in ("--set", word)]
    took, said = arena(
        "train", "snake", "--agent", f"hf:{folder}", "--out", str(run), "--steps", "2", *options
    )
    rows = metrics(run)
    bench.row("SmolLM2, snake", seconds=took, updates=len(rows) - 1, **phases(rows))
    bench.row("SmolLM2, snake: metrics", **shown(rows[-1]))
    _ended(bench, "SmolLM2, snake", run, said)
    _resumed(bench, "snake", run, rows)


def arena(*words: str) -> tuple[float, str]:
    """Seconds, and the last of what was said. Raises RuntimeError with it where the command fails."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "arena", *words], capture_output=True, text=True)
    said = (done.stdout + done.stderr)[-4000:]
    if done.returncode:
        raise RuntimeError(f"arena {' '.join(words)}: exit {done.returncode}\n{said}")
    return round(time.perf_counter() - began, 1), said


def metrics(run: Path) -> Metrics:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def phases(rows: Metrics) -> dict[str, float]:
    """Mean seconds of each phase over the updates but the first, which loads kernels."""
    later = rows[2:] or rows[1:]
    names = [name for name in later[-1] if name.startswith("seconds/")]
    means = {name: sum(row.get(name) or 0.0 for row in later) / len(later) for name in names}
    tokens = sum(row["tokens_per_s"] for row in later) / len(later)
    return {**{name: round(value, 3) for name, value in means.items()}, "tokens_per_s": round(tokens)}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    names = ("train/return", "eval/return", "eval/success", "invalid_rate", "kl", "entropy", "grad_norm")
    return {name: row.get(name) for name in (*names, "engine_mismatch", "peak_memory")}


def _ended(bench: Bench, name: str, run: Path, said: str) -> None:
    missing = [file for file in FILES if not (run / file).is_file()]
    bench.row(f"{name}: files", missing=missing, said=said.strip().splitlines()[-1:])
    if missing:
        raise RuntimeError(f"{run} lacks {', '.join(missing)}: {said}")


def _resumed(bench: Bench, game: str, run: Path, rows: Metrics) -> None:
    """As if the run had been cut off after its first update."""
    shutil.rmtree(run / "checkpoints" / "step-000002")
    shutil.rmtree(run / "last")
    took, _ = arena("train", "--resume", str(run))
    again = metrics(run)
    apart = _apart(rows[2:], again[2:])
    bench.row(f"SmolLM2, {game}: resumed", seconds=took, updates=len(again) - 1, apart=apart)


def _apart(before: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How far the same updates are apart, the first time and resumed."""
    names = ("train/return", "kl", "grad_norm", "tokens")
    return {
        name: max(
            abs((a.get(name) or 0.0) - (b.get(name) or 0.0)) for a, b in zip(before, again, strict=True)
        )
        for name in names
    }
