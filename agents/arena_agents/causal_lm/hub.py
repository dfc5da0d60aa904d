"""Whether the model hub can be asked at all. Imports nothing heavy."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

NO_ANSWER = (407, 502, 503, 504)  # a proxy's own, where the hub gave none


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
    """Whether the hub can be reached at all: its own client tries for a minute before it says no.

    Where the environment names a proxy for it (`HTTPS_PROXY`), it is asked through that.
    """
    from huggingface_hub import constants

    proxy = proxy_for(constants.ENDPOINT)
    try:
        if proxy is not None and urlsplit(proxy).scheme in ("http", "https"):
            return _answers(constants.ENDPOINT, timeout_s)
        _connect(proxy or constants.ENDPOINT, timeout_s)
    except (OSError, ValueError):
        return False
    return True


def proxy_for(address: str) -> str | None:
    """The proxy that the environment names for an address, as a URL; None where it is to be had directly."""
    from urllib.request import getproxies, proxy_bypass

    parts, proxies = urlsplit(address), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _connect(address: str, timeout_s: float) -> None:
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080)
    socket.create_connection((parts.hostname, port), timeout=timeout_s).close()


def _answers(address: str, timeout_s: float) -> bool:
    """Whether anything but a proxy's excuse comes back."""
    from urllib.error import HTTPError
    from urllib.request import Request, build_opener

    try:
        build_opener().open(Request(address, method="HEAD"), timeout=timeout_s).close()
    except HTTPError as error:
        return error.code not in NO_ANSWER
    return True
