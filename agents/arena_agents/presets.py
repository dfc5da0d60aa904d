"""Short names for language models: what `nano` and `qwen3b` stand for."""

from __future__ import annotations

from arena_agents.address import is_address, parse_address
from arena_agents.nano import MODEL_DIR

QWEN_SIZES = ("0.5B", "1.5B", "3B", "7B", "14B", "32B", "72B")

# Name → a local folder or a model id on the hub.
PRESETS: dict[str, str] = {
    "nano": str(MODEL_DIR),
    **{f"qwen{size.lower()}": f"Qwen/Qwen2.5-{size}-Instruct" for size in QWEN_SIZES},
}


def model_source(spec: str) -> str:
    """The folder or hub id behind a preset's name or an `hf:` spec, each with or without `@URL`."""
    if is_address(spec):
        spec = parse_address(spec).spec
    return PRESETS.get(spec, spec.removeprefix("hf:"))
