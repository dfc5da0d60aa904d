"""Whether the model hub can be asked at all. Imports nothing heavy."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit


def on_disk_only(source: str) -> bool:
    """Whether to look on this disk alone: a folder, or the hub does not answer."""
    from huggingface_hub import constants

    return Path(source).is_dir() or constants.is_offline_mode() or not hub_answers()


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
