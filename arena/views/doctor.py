"""`arena doctor`: what is installed, what this machine has, and what will run on it.

Versions are read from the packages' metadata and devices asked of the driver: importing torch to
ask it would take longer than everything else together.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.hardware import Gpu, cores, free_ram, gpus, total_ram
from arena.training.config import MsgrpoConfig
from arena.training.layers import resolve
from arena.training.memory.estimate import QWEN_3B, gigabytes
from arena.training.memory.fit import Available, refuse_unless_it_fits
from arena_agents.causal_lm.hub import hub_answers
from arena_agents.files import read_json
from arena_agents.presets import PRESETS
from arena_games.base import UsageError

NEEDED = ("torch", "transformers", "tokenizers", "peft", "accelerate", "pettingzoo")
EXTRAS = {"vllm": "vllm", "openai": "api"}  # package → the extra of ours that brings it
HUB_PATIENCE_S = 2.0
DOWNLOAD = f"hf download {PRESETS['qwen3b']}"
OFFLINE = "without it: models in the local cache, folders (hf:PATH), servers (SPEC@URL), nano"
CUDA_TORCH = "pip install --force-reinstall 'torch>=2.9,<2.14'"
MARKS = {True: Text("✓", style="green"), False: Text("✗", style="red"), None: Text("·", style="dim")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `ok` is None where there is nothing to be well or ill; `advice` says what to do."""

    topic: str
    name: str
    value: str
    ok: bool | None = None
    advice: str = ""


def show_doctor(*, as_json: bool = False) -> None:
    """Look at everything and print it."""
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        Console().print(_table(findings))


def examine() -> list[Finding]:
    """All findings, topic by topic."""
    hub: list[Finding] = []
    asking = Thread(target=lambda: hub.append(_hub()), daemon=True)  # a resolver may hang for long
    asking.start()
    found = gpus()
    here = [*_packages(), *_devices(found), *_models(), _engine(found), _fits_3b(found), *_together(found)]
    asking.join(HUB_PATIENCE_S)
    return [*here, *(hub or [Finding("hub", "model hub", "does not answer", False, OFFLINE)])]


def _packages() -> Iterator[Finding]:
    yield Finding("packages", "python", platform.python_version())
    for name in NEEDED:
        found = _version(name)
        advice = "" if found else "pip install tmsg-arena"
        yield Finding("packages", name, found or "missing", found is not None, advice)
    for name in EXTRAS:
        found = _version(name)
        advice = "" if found else _extra(name)
        yield Finding("packages", name, found or "not installed", True if found else None, advice)


def _extra(package: str) -> str:
    return f"pip install 'tmsg-arena[{EXTRAS[package]}]'"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _devices(found: list[Gpu]) -> Iterator[Finding]:
    usable = cuda_is_usable(found)
    for number, gpu in enumerate(found):
        about = f"{gpu.name}, {gigabytes(gpu.total)}, {gigabytes(gpu.free)} free"
        unused = "" if usable else ", not used: this torch was built for CPUs"
        yield Finding("devices", f"cuda:{number}", about + unused, usable, "" if usable else CUDA_TORCH)
    if not found:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = "" if shown is None else f" and CUDA_VISIBLE_DEVICES={shown!r} shows"
        yield Finding("devices", "cuda", f"no NVIDIA GPU that the driver reports{hidden}")
    threads = os.environ.get("OMP_NUM_THREADS")
    said = f"OMP_NUM_THREADS={threads}" if threads else "as many threads as cores"
    yield Finding("devices", "cpu", f"{cores()} cores, {said}")
    yield Finding("devices", "memory", f"{gigabytes(total_ram())}, {gigabytes(free_ram())} free")


def cuda_is_usable(found: list[Gpu]) -> bool:
    """Whether torch can use the GPUs: its build for CPUs says so in its version."""
    return bool(found) and not (_version("torch") or "+cpu").endswith("+cpu")


def _models() -> list[Finding]:
    """nano, and the causal language models in the local cache of the hub."""
    from huggingface_hub import constants

    presets = {source: name for name, source in PRESETS.items()}
    found = [Finding("models", "nano", "in this package", True)]
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        about = _cached_model(folder)
        if about is not None:
            source = folder.name.removeprefix("models--").replace("--", "/")
            found.append(Finding("models", presets.get(source, f"hf:{source}"), f"{source}, {about}", True))
    if len(found) == 1:
        found.append(
            Finding("models", "cache", f"no language model in {constants.HF_HUB_CACHE}", None, DOWNLOAD)
        )
    return found


def _cached_model(folder: Path) -> str | None:
    """The size of a cached causal language model; None for anything else, or a download cut short."""
    for config in folder.glob("snapshots/*/config.json"):
        try:
            (architecture, *_) = read_json(config).get("architectures") or [""]
        except (UsageError, ValueError, TypeError):
            continue
        weights = list(config.parent.glob("*.safetensors"))
        if str(architecture).endswith("ForCausalLM") and weights:
            return gigabytes(sum(file.stat().st_size for file in weights))
    return None


def _engine(found: list[Gpu]) -> Finding:
    """What `--engine auto` means here: the same rule as in `arena_agents.engines.choose`."""
    if not cuda_is_usable(found):
        return Finding("engine", "transformers", "draws replies: there is no GPU that torch can use", True)
    if _version("vllm") is None:
        return Finding("engine", "transformers", "draws replies: vllm is not installed", True, _extra("vllm"))
    return Finding("engine", "vllm", "draws replies: it is installed, and there is a GPU", True)


def _fits_3b(found: list[Gpu]) -> Finding:
    """Whether `arena train snake --agent qwen3b` with its defaults fits the first GPU, or this memory."""
    config, ram = resolve(MsgrpoConfig, {"game": "snake", "agent": "qwen3b"}), free_ram()
    usable = cuda_is_usable(found)
    device, free = ("cuda", found[0].free) if usable else ("cpu", ram)
    engine = int(config.engine_memory * found[0].total) if usable and _version("vllm") else None
    name = "3 B with LoRA"
    try:
        needed = refuse_unless_it_fits(config, QWEN_3B, Available(device, free, ram, engine))
    except UsageError as error:
        return Finding("training", name, "does not fit", False, str(error))
    return Finding("training", name, f"fits: {gigabytes(needed.peak)} of {gigabytes(free)} free", True)


def _together(found: list[Gpu]) -> Iterator[Finding]:
    """How to train on all GPUs, where there are several."""
    if cuda_is_usable(found) and len(found) > 1:
        launch = f"accelerate launch --num_processes {len(found)}"
        yield Finding(
            "training",
            f"on {len(found)} GPUs",
            "the model whole on each, or with --use_fsdp --fsdp_version 2 a part of it",
            None,
            f"{launch} -m arena train …",
        )


def _hub() -> Finding:
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return Finding("hub", "model hub", "switched off by HF_HUB_OFFLINE", None, OFFLINE)
    if hub_answers(HUB_PATIENCE_S):
        return Finding("hub", "model hub", "answers", True)
    return Finding("hub", "model hub", "does not answer", False, OFFLINE)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    topic = ""
    for finding in findings:
        shown = "" if finding.topic == topic else finding.topic
        topic = finding.topic
        about = Text(finding.value)
        if finding.advice:
            about.append(f"\n→ {finding.advice}", style="yellow")
        table.add_row(Text(shown, style="bold"), MARKS[finding.ok], Text(finding.name), about)
    return table
