"""One part in a process of its own; `python -m tests.benchmarks.gpu` starts it and says when to begin.

It loads torch while the part before it still runs, and touches no device until a line comes on stdin.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

SKIPPED = 77  # the exit status of a part that cannot run here


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", help="module:function")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--smollm2", type=Path)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    given = parser.parse_args()
    module, _, function = given.work.partition(":")
    work = getattr(import_module(f"tests.benchmarks.gpu.{module}"), function)
    import torch

    from tests.benchmarks.gpu.bench import Bench, SkippedError

    sys.stdin.readline()
    if given.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch sees no CUDA device; --device cpu runs the parts on the CPU")
    given.scratch.mkdir(parents=True, exist_ok=True)
    bench = Bench(torch.device(given.device), given.small, given.smollm2, given.scratch, given.file)
    try:
        work(bench)
    except SkippedError as reason:
        print(reason, file=sys.stderr)
        raise SystemExit(SKIPPED) from None


if __name__ == "__main__":
    main()
