"""Where the time of a decode step goes: launching kernels, or computing?

A step over a cache that grows, over one that stays where it is, and the latter as one captured CUDA graph.
The floor is the time to read weights, keys and values once. `attention` shows what a new shape costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from arena_agents.base import Sampling
from arena_agents.causal_lm.forward import Prefilled, prefill, select
from arena_agents.causal_lm.static_decode import GrowingRows, StaticDecoder
from arena_agents.engines.sampling import sample_tokens
from tests.benchmarks.gpu.bench import Bench
from tests.benchmarks.gpu.matmul import copy_rate

READ, MORE = 384, 64  # tokens read so far, and to be drawn
STEPS = 16


def run(bench: Bench) -> None:
    rate, rows = copy_rate(bench), bench.few(128, 4)
    _attention(bench)
    model, _ = bench.load(bench.folder(), "bfloat16")
    for batch in (rows, 1):
        _steps(bench, f"SmolLM2, {batch} rows", model, batch, rate)
    _steps(bench, f"3 B, {rows} rows", bench.three_billion()[0], rows, rate)


def _attention(bench: Bench) -> None:
    """Milliseconds of a layer's attention, at shapes seen before and at new ones, by cuDNN and by others."""
    if not bench.on_gpu:
        return
    for kernels, by_cudnn in (("cuDNN", True), ("others", False)):
        torch.backends.cuda.enable_cudnn_sdp(by_cudnn)
        took = [_milliseconds(bench, lambda length=300 + place: _attend(bench, length)) for place in range(6)]
        known = [_milliseconds(bench, lambda: _attend(bench, 300)) for _ in range(6)]
        row = {"new_ms": sorted(took)[3], "known_ms": sorted(known)[3]}
        bench.row(f"attention by {kernels}", **{name: round(ms, 3) for name, ms in row.items()})


def _attend(bench: Bench, length: int) -> Tensor:
    whole = {"device": bench.device, "dtype": torch.bfloat16}
    query, keys = torch.ones(64, 9, 90, 64, **whole), torch.ones(64, 9, length, 64, **whole)  # type: ignore[arg-type]
    mask = torch.ones(64, 1, 90, length, device=bench.device, dtype=torch.bool)
    return functional.scaled_dot_product_attention(query, keys, keys, attn_mask=mask)


def _milliseconds(bench: Bench, work: Callable[[], Any]) -> float:
    bench.sync()
    began = time.perf_counter()
    work()
    bench.sync()
    return 1e3 * (time.perf_counter() - began)


@torch.inference_mode()
def _steps(bench: Bench, name: str, model: Any, rows: int, rate: float) -> None:
    draw_ids = torch.Generator().manual_seed(0)
    prompts = torch.randint(20, 500, (rows, bench.few(READ, 24)), generator=draw_ids).tolist()
    ids_N, every = torch.full((rows,), 30, device=bench.device), torch.arange(rows)

    def read() -> Prefilled:
        return prefill(model, prompts, keep=1)

    floor = _floor(model, rows, len(prompts[0])) / rate
    growing = _ms(bench, lambda: GrowingRows(model, select(read(), every)), ids_N)
    bench.row(f"{name}: a cache that grows", ms=growing, floor_ms=round(1e3 * floor, 3))
    static = StaticDecoder(model, capture=False)
    static._proven = True  # `static` says how far it is off
    bench.row(f"{name}: a static cache", ms=_ms(bench, lambda: static.load(read(), every, MORE), ids_N))
    if bench.on_gpu:
        static.release()
        captured = StaticDecoder(model, capture=True)
        captured._proven = True
        began = time.perf_counter()
        captured.load(read(), every, MORE)
        took = round(time.perf_counter() - began, 2)
        row = {"ms": _ms(bench, lambda: captured.load(read(), every, MORE), ids_N), "ready_s": took}
        bench.row(f"{name}: a captured graph", **row, works=captured.works, captured=captured.capture)
        _kernels(bench, name, captured.load(read(), every, MORE), ids_N)
    logits = torch.randn(rows, model.config.vocab_size, device=bench.device)
    uniforms = torch.rand(rows, dtype=torch.float64, device=bench.device)
    drawing = bench.seconds(lambda: sample_tokens(logits, Sampling(), uniforms)[0].tolist())
    bench.row(f"{name}: drawing", ms=round(1e3 * drawing, 3))


def _floor(model: Any, rows: int, read: int) -> int:
    """Bytes that a step must read."""
    config, size = model.config, next(model.parameters()).element_size()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weights = size * sum(p.numel() for p in model.parameters())
    cached: int = 2 * size * rows * read * config.num_hidden_layers * config.num_key_value_heads * head
    return weights + cached


def _ms(bench: Bench, load: Callable[[], Any], ids_N: Tensor) -> float:
    """The median of several runs of some steps, each."""
    found = []
    for _ in range(3):
        rows = load()
        rows.step(ids_N)
        found.append(_milliseconds(bench, lambda rows=rows: [rows.step(ids_N) for _ in range(STEPS)]) / STEPS)
    return round(sorted(found)[1], 3)


def _kernels(bench: Bench, name: str, rows: Any, ids_N: Tensor) -> None:
    """Kernels a step, the time that the card computes, and the longest of them."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        for _ in range(4):
            rows.step(ids_N)
        bench.sync()
    events = [e for e in profiled.key_averages() if e.device_type == DeviceType.CUDA]
    largest = sorted(events, key=lambda e: -e.self_device_time_total)[:6]
    bench.row(
        f"{name}: by kernels",
        kernels=round(sum(e.count for e in events) / 4),
        busy_ms=round(sum(e.self_device_time_total for e in events) / 4e3, 3),
        largest={e.key[:60]: round(e.self_device_time_total / 4e3, 3) for e in largest},
    )
