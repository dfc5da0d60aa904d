"""Damage to files, by seed: of bytes, and of what a JSON text says."""

from __future__ import annotations

import json
import random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 1e308, -1e308, 0.5, float("nan"), float("inf"),
    "", "x", "\x00", "\ud800", "\u202e", "../../etc/passwd", "x" * 10_000, "(a+)+$", "{{ 1 / 0 }}", "hf:nano",
    [], {}, [None], [[1, "x"], {}], {"": None}, {"x": [1, 2]}, [0] * 1000, "dqn", "own.py:E",
)  # fmt: skip
WHOLE = (
    b"", b"\x00" * 100, b"null", b"[]", b"{}", b"0", b'"x"', b"[" * 50_000, b'{"a":' * 50_000, b"{" * 10,
    b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"1" * 5_000, b"NaN", b"{}\n{}", b"\xff" * 50, b"- :\n\t",
)  # fmt: skip


def bytes_damaged(whole: bytes, seed: int) -> bytes:
    """The file with some of its bytes changed, gone or added, or something else altogether."""
    rng = random.Random(seed)
    if rng.random() < 0.1:
        return rng.choice(WHOLE)
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 5, 50))):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(5):
            case 0 if content:
                content[min(at, len(content) - 1)] ^= 1 << rng.randrange(8)
            case 1:
                del content[at:]
            case 2:
                del content[at : at + rng.randrange(1, 40)]
            case 3:
                content[at:at] = rng.randbytes(rng.randrange(1, 20))
            case _:
                end = at + rng.randrange(1, 40)
                content[at:end] = bytes(len(content[at:end]))
    return bytes(content)


def json_damaged(whole: Any, seed: int) -> Any:
    """The value with one to three of the values in it replaced, gone, or under another name."""
    rng = random.Random(seed)
    found = json.loads(json.dumps(whole))
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = _changed(found, rng)
    return found


def _changed(value: Any, rng: random.Random) -> Any:
    inner: list[Any] = []
    if isinstance(value, dict | list):
        inner = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not inner or rng.random() < 0.1:
        return rng.choice(ODD)
    at = rng.choice(inner)
    if rng.random() < 0.1:
        value.pop(at)
    elif isinstance(value, dict) and rng.random() < 0.05:
        value[rng.choice(("", "x", "kind", "version"))] = value.pop(at)
    else:
        value[at] = _changed(value[at], rng)
    return value


def text_damaged(text: str, seed: int) -> bytes:
    """A JSON text, or lines of them, damaged in its values or its bytes."""
    if seed % 2:
        return bytes_damaged(text.encode(), seed)
    lines = text.splitlines() if "\n{" in text and not text.startswith("{\n") else [text]
    rng = random.Random(seed)
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(json_damaged(json.loads(lines[at]), seed))
    return ("\n".join(lines) + "\n").encode()
