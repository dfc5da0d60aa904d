"""Where the time of a decode step goes: launching kernels, or computing?

The step as the engine takes it, beside the same over a static cache, as one captured CUDA graph, and
compiled (`reduce-overhead`). The floor is the time to read weights, keys and values once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache

from arena_agents.base import Sampling
from arena_agents.engines.transformers import draw
from tests.benchmarks.gpu.bench import Bench
from tests.benchmarks.gpu.matmul import copy_rate

READ, ROOM = 384, 448  # tokens read so far, and tokens that a static cache holds
STEPS = 16


def run(bench: Bench) -> None:
    rate, rows = copy_rate(bench), bench.few(128, 4)
    model, _ = bench.load(bench.folder(), "bfloat16")
    for batch in (rows, 1):
        _steps(bench, f"SmolLM2, {batch} rows", model, batch, rate)
    _steps(bench, f"3 B, {rows} rows", bench.three_billion()[0], rows, rate)
    _steps_of(bench, f"SmolLM2, {rows} rows: compiled", model, _compiled, rows)  # takes long, so it is last


@torch.inference_mode()
def _steps(bench: Bench, name: str, model: Any, rows: int, rate: float) -> None:
    ids_NT = _ids(bench, rows)
    floor = _floor(model, *ids_NT.shape) / rate
    dynamic = _dynamic(bench, model, ids_NT)
    bench.row(f"{name}: as the engine does", ms=_ms(bench, dynamic), floor_ms=round(1e3 * floor, 3))
    logits = torch.randn(rows, model.config.vocab_size, device=bench.device)
    uniforms = torch.rand(rows, dtype=torch.float64, device=bench.device)
    bench.row(f"{name}: drawing", ms=_ms(bench, lambda: draw(logits, Sampling(), uniforms)[0].tolist()))
    static = Static(bench, model, ids_NT)
    bench.row(f"{name}: static cache", ms=_ms(bench, static.step))
    _steps_of(bench, f"{name}: captured graph", model, _captured, rows)
    try:
        bench.row(f"{name}: as the engine does, by kernels", **_kernels(bench, dynamic))
    except Exception as error:
        bench.row(f"{name}: by kernels", failed=f"{type(error).__name__}: {str(error)[:300]}")


@torch.inference_mode()
def _steps_of(bench: Bench, name: str, model: Any, make: Callable[..., Any], rows: int) -> None:
    """A step made of a static one: its speed, and how far its logits are from the plain one's."""
    ids_NT = _ids(bench, rows)
    expected = Static(bench, model, ids_NT).step().float()
    try:
        began = time.perf_counter()
        step = make(bench, Static(bench, model, ids_NT))
        apart = float((step().float() - expected).abs().max())
        took = time.perf_counter() - began
        bench.row(name, ms=_ms(bench, step), ready_s=round(took, 1), max_apart=apart)
    except Exception as error:  # what a version of torch cannot capture, another can
        bench.row(name, failed=f"{type(error).__name__}: {str(error)[:300]}")


def _ids(bench: Bench, rows: int) -> Tensor:
    draw_ids = torch.Generator().manual_seed(0)
    return torch.randint(20, 500, (rows, bench.few(READ, 24)), generator=draw_ids).to(bench.device)


def _floor(model: Any, rows: int, read: int) -> int:
    """Bytes that a step must read."""
    config, size = model.config, next(model.parameters()).element_size()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weights = size * sum(p.numel() for p in model.parameters())
    cached: int = 2 * size * rows * read * config.num_hidden_layers * config.num_key_value_heads * head
    return weights + cached


def _ms(bench: Bench, step: Callable[[], Any]) -> float:
    """The median over several runs of some steps, each."""
    return round(1e3 * bench.seconds(lambda: [step() for _ in range(STEPS)]) / STEPS, 3)


def _dynamic(bench: Bench, model: Any, ids_NT: Tensor) -> Callable[[], Tensor]:
    """A step as `TransformersEngine._extend` takes it; the cache is cut back before it grows too long."""
    cache = DynamicCache()
    rows, read = ids_NT.shape
    model(input_ids=ids_NT, past_key_values=cache, use_cache=True, logits_to_keep=1)
    real_NT = torch.ones(rows, read + 1, dtype=torch.long, device=bench.device)
    positions_N1 = torch.full((rows, 1), read, device=bench.device)

    def step() -> Tensor:
        out = model(
            input_ids=ids_NT[:, :1],
            attention_mask=real_NT,
            position_ids=positions_N1,
            past_key_values=cache,
            use_cache=True,
        )
        cache.crop(-1)
        logits: Tensor = out.logits
        return logits

    return step


class Static:
    """A decode step whose tensors stay where they are: what a graph can be captured of."""

    def __init__(self, bench: Bench, model: Any, ids_NT: Tensor) -> None:
        self.bench, self.model = bench, model
        rows, self.read = ids_NT.shape
        room = self.read + ROOM - READ
        self.cache = StaticCache(config=model.config, max_cache_len=room)
        model(input_ids=ids_NT, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.ids_N1 = ids_NT[:, :1].clone()
        self.positions_N1 = torch.full((rows, 1), self.read, device=bench.device)
        seen = torch.arange(room, device=bench.device) <= self.read
        self.mask = seen.expand(rows, 1, 1, room).clone()

    def rewind(self) -> None:
        """The next step writes behind the prompts again; the speed is the same at every place."""
        for layer in self.cache.layers:
            layer.cumulative_length.fill_(self.read)

    def forward(self) -> Tensor:
        out = self.model(
            input_ids=self.ids_N1,
            attention_mask=self.mask,
            position_ids=self.positions_N1,
            past_key_values=self.cache,
            use_cache=True,
        )
        logits: Tensor = out.logits
        return logits

    def step(self) -> Tensor:
        self.rewind()
        return self.forward()


def _captured(bench: Bench, static: Static) -> Callable[[], Tensor]:
    if not bench.on_gpu:
        return static.step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            static.step()
    torch.cuda.current_stream().wait_stream(side)
    static.rewind()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = static.forward()

    def step() -> Tensor:
        static.rewind()
        graph.replay()
        return logits

    return step


def _compiled(bench: Bench, static: Static) -> Callable[[], Tensor]:
    if not bench.on_gpu:
        return static.step
    model = static.model
    static.model = torch.compile(model, mode="reduce-overhead", fullgraph=False)
    for _ in range(3):
        static.step()
    return static.step


def _kernels(bench: Bench, step: Callable[[], Any]) -> dict[str, Any]:
    """Kernels a step, the time that the card computes, and the longest of them."""
    if not bench.on_gpu:
        return {"skipped": "no GPU"}
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        for _ in range(4):
            step()
        bench.sync()
    events = [e for e in profiled.key_averages() if e.device_type == DeviceType.CUDA]
    largest = sorted(events, key=lambda e: -e.self_device_time_total)[:6]
    return {
        "kernels": round(sum(e.count for e in events) / 4),
        "busy_ms": round(sum(e.self_device_time_total for e in events) / 4e3, 3),
        "largest": {e.key[:60]: round(e.self_device_time_total / 4e3, 3) for e in largest},
    }
