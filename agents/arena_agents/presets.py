"""Short names for language models: what `nano` and `qwen3b` stand for, and where they are found.

A folder of the preset's name under `$ARENA_MODELS` always goes before the hub. Where the hub does not answer
and has left nothing in its cache, one under `models/` serves, in the current directory or in this program's
source tree: `make smollm2` leaves `models/smollm2-135m` there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from arena_agents.address import without_address
from arena_agents.causal_lm.hub import cached, out_of_reach
from arena_agents.nano import MODEL_DIR

QWEN_SIZES = ("0.5B", "1.5B", "3B", "7B", "14B", "32B", "72B")
QWEN3_SIZES = ("0.6B", "1.7B", "4B", "8B")
SMOLLM2_SIZES = ("135M", "360M", "1.7B")
MODELS = "ARENA_MODELS"
SOURCE_TREE = Path(__file__).resolve().parents[2]

# Name → a local folder or a model id on the hub.
PRESETS: dict[str, str] = {
    "nano": str(MODEL_DIR),
    **{f"qwen{size.lower()}": f"Qwen/Qwen2.5-{size}-Instruct" for size in QWEN_SIZES},
    **{f"qwen3-{size.lower()}": f"Qwen/Qwen3-{size}" for size in QWEN3_SIZES},
    **{f"smollm2-{size.lower()}": f"HuggingFaceTB/SmolLM2-{size}-Instruct" for size in SMOLLM2_SIZES},
}
# What a model on the hub can be had from without it.
MADE_HERE = {PRESETS["smollm2-135m"]: "make smollm2"}

log = logging.getLogger(__name__)


def model_source(spec: str) -> str:
    """The folder, .gguf file or hub id behind a preset's name or an `hf:` spec, with or without `@URL`."""
    spec = without_address(spec)
    if spec not in PRESETS:
        return spec.removeprefix("hf:")
    source = PRESETS[spec]
    return source if Path(source).is_dir() else found_here(spec, source) or source


def found_here(name: str, source: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The folder that serves a preset in place of its id on the hub, None if the hub is to be asked."""
    for folder in _named(name, environment):
        return str(folder)
    if cached(source):
        return None
    for folder in _made(name):
        if not out_of_reach():
            return None
        _say_once(f"arena: {name}: the model hub does not answer; {folder} is used")
        return str(folder)
    return None


def _named(name: str, environment: Mapping[str, str]) -> Iterator[Path]:
    given = environment.get(MODELS, "").strip()
    if given and _is_model(Path(given) / name):
        yield Path(given) / name


def _made(name: str) -> Iterator[Path]:
    for folder in (Path("models") / name, SOURCE_TREE / "models" / name):
        if _is_model(folder):
            yield folder


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file()


@cache
def _say_once(line: str) -> None:
    log.warning(line)
