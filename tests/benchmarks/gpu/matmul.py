"""The card's ceilings, measured: matrix products by precision, copies, and the host's link."""

from __future__ import annotations

import torch

from tests.benchmarks.gpu.bench import Bench


def run(bench: Bench) -> None:
    for name, size in (("bfloat16", 8192), ("tf32", 8192), ("float32", 8192)):
        bench.row(f"matmul {name}", tflops=round(matmul_peak(bench, name, size) / 1e12, 1))
    bench.row("copy on the device", gb_per_s=round(copy_rate(bench) / 1e9))
    if bench.on_gpu:
        host = torch.empty(2**28, dtype=torch.uint8)
        there = torch.empty_like(host, device=bench.device)
        pinned = torch.empty(2**28, dtype=torch.uint8, pin_memory=True)
        for name, source, target in (
            ("host to device", host, there),
            ("device to host", there, host),
            ("device to pinned host", there, pinned),
        ):
            rate = 2**28 / bench.seconds(lambda target=target, source=source: target.copy_(source))
            bench.row(name, gb_per_s=round(rate / 1e9, 1))


def matmul_peak(bench: Bench, precision: str = "bfloat16", size: int = 8192) -> float:
    """FLOP a second of a large product of random matrices; TF32 is off unless it is asked for."""
    size = bench.few(size, 256)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    one, other = (torch.randn(size, size, device=bench.device, dtype=dtype) for _ in range(2))
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        runs = 10
        took = bench.seconds(lambda: [one @ other for _ in range(runs)]) / runs
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed
    return 2 * size**3 / took


def copy_rate(bench: Bench) -> float:
    """Bytes a second, read and written, of a copy on the device."""
    size = bench.few(2**30, 2**20)
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    return 2 * size / bench.seconds(lambda: target.copy_(source))
