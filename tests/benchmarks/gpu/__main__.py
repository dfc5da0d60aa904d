"""What only a GPU shows, in eight minutes on one card: a table, and JSON.

    python -m tests.benchmarks.gpu [--parts parity rollout …] [--smollm2 FOLDER] [--out FILE]
    python -m tests.benchmarks.gpu --device cpu --small      every line of it, on little, on a CPU

Each part runs in a process of its own within its own limit: one that fails or takes too long costs only
itself, and what it had found stays. Parts that show that something works, not how fast, run first and, on
a GPU, beside each other. `make smollm2` makes the model that most parts need.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path
from signal import SIGKILL, SIGTERM, signal
from tempfile import TemporaryDirectory
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.gpu.part import SKIPPED

# Part → module and function, how many seconds it may take, and whether it is about speed.
PARTS = {
    "taught": ("taught:run", 210, False),
    "learn-nano": ("learn:nano", 100, False),
    "learn-smollm2": ("learn:smollm2", 80, False),
    "parity": ("parity:run", 90, False),
    "static": ("static:run", 60, False),
    "probe": ("probe:run", 80, False),
    "sleep": ("sleep:run", 50, False),
    "rollout": ("rollout:run", 55, True),
    "decode": ("decode:run", 45, True),
    "update": ("update:run", 55, True),
    "matmul": ("matmul:run", 20, True),
}
LIMIT_S = 480
PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy", "triton")
LAST_LINES = 30
RESULTS = Path(__file__).parents[1] / "results"


@dataclass
class Result:
    """What came of a part: its rows, and where it failed the end of what it said."""

    part: str
    status: str = "not run"
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


class Running:
    """A part's process, loaded but not begun."""

    def __init__(self, part: str, options: argparse.Namespace, scratch: Path) -> None:
        self.part, self.log = part, scratch / f"{part}.log"
        self.rows = scratch / f"{part}.jsonl"
        work, self.limit, _ = PARTS[part]
        words = [work, "--device", options.device, "--scratch", str(scratch / part), "--file", str(self.rows)]
        words += ["--small"] if options.small else []
        words += ["--smollm2", str(options.smollm2)] if options.smollm2 else []
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if options.device == "cpu" else {}
        self.began = 0.0
        self._log: IO[bytes] = self.log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.gpu.part", *words],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **hidden, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # so that what it starts itself ends with it
        )

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.began = time.monotonic()
        with suppress(BrokenPipeError):  # it ended as it was loaded; its exit status tells
            self.process.stdin.write(b"begin\n")
            self.process.stdin.close()

    def over(self, ends: float) -> bool:
        """Whether it has ended, or is to be."""
        now = time.monotonic()
        return self.process.poll() is not None or now > min(ends, self.began + self.limit)

    def result(self, left: float) -> Result:
        """Wait for its end, for its own limit, or until no time is `left`."""
        passed = time.monotonic() - self.began
        limit = max(0.0, min(self.limit - passed, left))
        try:
            code = self.process.wait(limit)
            status = {0: "ok", SKIPPED: "skipped"}.get(code, f"failed (exit {code})")
        except subprocess.TimeoutExpired:
            self.stop()
            status = f"stopped after {passed + limit:.0f} s"
        took = round(time.monotonic() - self.began, 1)
        self._log.close()
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return Result(self.part, status, took, self._rows(), [] if status == "ok" else said)

    def _rows(self) -> list[dict[str, Any]]:
        if not self.rows.exists():
            return []
        lines = self.rows.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def stop(self) -> None:
        """End it, and what it started itself."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, SIGKILL)
            self.process.wait()


def main() -> None:
    options = _options()
    signal(SIGTERM, lambda *_: sys.exit(143))  # so that the parts end too
    results: list[Result] = []
    with TemporaryDirectory(prefix="arena-gpu-") as folder:
        scratch = options.scratch or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        for result in _results(options, scratch):
            results.append(result)
            print(f"{result.part}: {result.status}, {result.seconds} s", flush=True)
            _write(options.out, results)
    Console(width=200).print(_table(results))
    print(f"written to {options.out}")
    sys.exit(any(result.status.startswith(("failed", "stopped")) for result in results))


def _results(options: argparse.Namespace, scratch: Path) -> Iterator[Result]:
    """The results as they come. No process outlives this."""
    with ExitStack() as stack:
        yield from _in_turn(options, scratch, stack)


def _in_turn(options: argparse.Namespace, scratch: Path, stack: ExitStack) -> Iterator[Result]:
    def load(part: str) -> Running:
        running = Running(part, options, scratch)
        stack.callback(running.stop)
        return running

    ends = time.monotonic() + options.limit
    waiting = [part for part in PARTS if part in options.parts]
    together = [part for part in waiting if not PARTS[part][2]] if options.device == "cuda" else []
    alone = [part for part in waiting if part not in together]
    beside, loaded = ([load(part) for part in parts] for parts in (together, alone[:1]))
    for running in beside:
        running.begin()
    while beside:
        for running in [running for running in beside if running.over(ends)]:
            beside.remove(running)
            yield running.result(ends - time.monotonic())
        time.sleep(0.1)
    for part, following in zip_longest(alone, alone[1:]):
        running = loaded.pop()
        if following:
            loaded.append(load(following))
        left = ends - time.monotonic()
        if left > 5:
            running.begin()
            yield running.result(left)
        else:
            running.stop()
            yield Result(part, said=["the time for all parts was up"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="every line, on little")
    parser.add_argument("--smollm2", type=Path, default=Path("models/smollm2-135m"), metavar="FOLDER")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help=f"seconds for all ({LIMIT_S})")
    parser.add_argument("--out", type=Path, default=RESULTS / "gpu.json", metavar="FILE")
    parser.add_argument("--scratch", type=Path, help="keep logs and runs in this folder")
    return parser.parse_args()


def _write(path: Path, results: list[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": _machine(), "parts": [vars(result) for result in results]}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        cards = subprocess.run(query, capture_output=True, text=True, timeout=10).stdout.split("\n")
    except OSError:
        cards = []
    return {
        "gpus": [card for card in cards if card],
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _table(results: list[Result]) -> Table:
    table = Table(show_lines=False)
    for column in ("part", "what", "found"):
        table.add_column(column, overflow="fold")
    for result in results:
        about = f"{result.part} [dim]{result.status}, {result.seconds:.0f} s[/]"
        table.add_section()
        table.add_row(about, "", " ".join(result.said[-1:]))
        for row in result.rows:
            values = {name: value for name, value in row.items() if name != "what"}
            table.add_row("", row["what"], "  ".join(f"{n} {_short(v)}" for n, v in values.items()))
    return table


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:120]


if __name__ == "__main__":
    main()
