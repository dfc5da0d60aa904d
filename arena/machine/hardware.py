"""What this machine has: memory, cores, and GPUs, found without importing torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pynvml

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of getrusage
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU; memory in bytes."""

    name: str
    total: int
    free: int


def gpus() -> list[Gpu]:
    """The GPUs that this process may use (`CUDA_VISIBLE_DEVICES`); none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_gpu(handle) for handle in _visible(os.environ.get("CUDA_VISIBLE_DEVICES"))]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _visible(asked: str | None) -> Iterator[Any]:
    """The devices named by number or by (the beginning of) a UUID; CUDA stops at one that it cannot find."""
    everyone = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    if asked is None:
        yield from everyone
        return
    for name in map(str.strip, asked.split(",")):
        if name.startswith("MIG-"):
            yield pynvml.nvmlDeviceGetHandleByUUID(name)
        elif name.isdecimal() and int(name) < len(everyone):
            yield everyone[int(name)]
        else:
            found = [h for h in everyone if name and pynvml.nvmlDeviceGetUUID(h).startswith(name)]
            if not found:
                return
            yield found[0]


def _gpu(handle: Any) -> Gpu:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(pynvml.nvmlDeviceGetName(handle), int(memory.total), int(memory.free))


def cores() -> int:
    """The cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return len(process.cpu_affinity())
    return int(psutil.cpu_count() or 1)


def total_ram() -> int:
    """Bytes of memory that this process may use: the machine's, or less in a container."""
    return min([int(psutil.virtual_memory().total), *_container_limit()])


def free_ram() -> int:
    """Bytes that this process may still take: what is free or can be freed, within a container's limit."""
    available = int(psutil.virtual_memory().available)
    limit = _container_limit()
    return min(available, limit[0] - _container_use()) if limit else available


def peak_memory() -> int:
    """The most bytes that this process has held: on the GPU if it uses one, else in memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved())
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # which Windows lacks

    # getrusage counts what the parent held when it started this process, so it comes second.
    return _linux_peak() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _linux_peak() -> int | None:
    """`VmHWM` of Linux's /proc, in bytes, which psutil does not read; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else None


def _container_limit() -> list[int]:
    """The container's memory limit, if it has one that can be read (cgroup version 2)."""
    try:
        return [int((CGROUP / "memory.max").read_text(encoding="ascii"))]
    except (OSError, ValueError):  # no such file, or the word max
        return []


def _container_use() -> int:
    """What the container holds and cannot give back: files in memory can be dropped."""
    try:
        held = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        words = (CGROUP / "memory.stat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0
    counts = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return held - counts.get("inactive_file", 0) - counts.get("active_file", 0)
