"""Loading a causal language model and its tokenizer from a folder, the local cache or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from arena_agents.causal_lm.hub import on_disk_only
from arena_games.base import UsageError


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_model(
    source: str, *, dtype: str | None = None, device: torch.device | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer; without `dtype` in bfloat16 on a GPU and float32 on a CPU.

    Without `device` the model is put on the GPU if there is one.

    Raises UsageError if they are neither on disk nor to be had from the hub.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = device or default_device()
    dtype = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    local = on_disk_only(source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, local_files_only=local)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(_remedy(source)) from error
    if tokenizer.chat_template is None:
        raise UsageError(f"{source} has no chat template; use an instruct model, or add chat_template.jinja")
    return model.to(device).eval(), tokenizer


def load_config(source: str) -> Any:
    """A model's config alone, without its weights. Raises UsageError as `load_model` does."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(source, local_files_only=on_disk_only(source))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(_remedy(source)) from error


def _remedy(source: str) -> str:
    if Path(source).is_dir():
        return f"{source} is no whole Hugging Face model; it needs config.json, weights and a tokenizer"
    return (
        f"model {source!r} is not on this machine and could not be had from the hub; download it where there "
        f"is a network (hf download {source}), give a local folder as hf:PATH, or use the built-in nano"
    )
