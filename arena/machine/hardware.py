"""What this machine has: memory, cores, and GPUs, found without importing torch."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GPU_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
PATIENCE_S = 2.0
MIB = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of getrusage
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU; memory in bytes."""

    name: str
    total: int
    free: int


def gpus() -> list[Gpu]:
    """The GPUs that the driver reports; none where there is no driver, or it does not answer."""
    try:
        asked = subprocess.run(GPU_QUERY, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [gpu for line in asked.stdout.splitlines() if (gpu := _gpu(line)) is not None]


def _gpu(line: str) -> Gpu | None:
    name, _, memory = line.partition(",")
    try:
        total, free = (int(number) * MIB for number in memory.split(","))
    except ValueError:
        return None
    return Gpu(name.strip(), total, free)


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def total_ram() -> int:
    """Bytes of memory that this process may use: the machine's, or less in a container."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_container_limit()])


def free_ram() -> int:
    """Bytes that this process may still take: what is free or can be freed, within a container's limit."""
    available = _linux("meminfo", "MemAvailable") or total_ram()
    limit = _container_limit()
    return min(available, limit[0] - _container_use()) if limit else available


def peak_memory() -> int:
    """The most bytes that this process has held: on the GPU if it uses one, else in memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved())
    # getrusage counts what the parent held when it started this process, so it comes second.
    return _linux("self/status", "VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _linux(file: str, field: str) -> int | None:
    """A field of a file in Linux's /proc, in bytes; None elsewhere."""
    try:
        lines = (Path("/proc") / file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")]
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
