"""Loading a causal language model and its tokenizer from a folder or the hub."""

from __future__ import annotations

from typing import Any

import torch

from arena_games.base import UsageError


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_model(source: str) -> tuple[Any, Any]:
    """Model and tokenizer, in bfloat16 on a GPU and float32 on a CPU.

    Raises UsageError if they are neither on disk nor to be had from the hub.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = default_device()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(_remedy(source, error)) from error
    if tokenizer.chat_template is None:
        raise UsageError(f"{source} has no chat template; use an instruct model, or add chat_template.jinja")
    return model.to(device).eval(), tokenizer


def _remedy(source: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:120]
    return (
        f"cannot load model {source!r} ({reason}); download it where there is a network "
        f"(hf download {source}), give a local folder as hf:PATH, or use the built-in nano"
    )
