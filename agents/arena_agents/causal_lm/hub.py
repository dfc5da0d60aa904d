"""Whether the model hub can be asked at all. Imports nothing heavy."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit


def is_gguf(source: str | Path) -> bool:
    """Whether a source is a file in llama.cpp's format rather than a folder or an id."""
    return Path(source).suffix.lower() == ".gguf"


def on_disk_only(source: str) -> bool:
    """Whether to look on this disk alone: a folder or file, or the hub does not answer."""
    return Path(source).is_dir() or is_gguf(source) or out_of_reach()


def out_of_reach() -> bool:
    """Whether the hub is switched off by the environment, or does not answer."""
    from huggingface_hub import constants

    return constants.is_offline_mode() or not hub_answers()


def cached(source: str) -> bool:
    """Whether the hub's cache on this disk holds a model's config."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(source, "config.json"), str)


@cache
def hub_answers(timeout_s: float = 5.0) -> bool:
    """Whether the hub can be reached at all: its own client tries for a minute before it says no."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((address.hostname, address.port or 443), timeout=timeout_s).close()
    except OSError:
        return False
    return True
