"""Damage to files, by seed: of bytes, and of what a JSON text says."""

from __future__ import annotations

import io
import json
import random
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from arena.cli.errors import explain

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
    lines = text.removesuffix("\n").split("\n") if "\n{" in text and text[:2] != "{\n" else [text]
    rng = random.Random(seed)
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(json_damaged(json.loads(lines[at]), seed))
    return ("\n".join(lines) + "\n").encode()


MUTANTS = 300


def survives(read: Callable[[], object]) -> bool:
    """Whether it could be read; whatever it raises has to be one that is told in one line."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            read()
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        assert "\n" not in line
        return False
    return True


def each_mutant(
    path: Path, read: Callable[[], object], damaged: Callable[[int], bytes], mutants: int = MUTANTS
) -> None:
    """Put each mutant in the file's place; some have to be refused, and none may end in a traceback."""
    whole, refused, wrong = path.read_bytes(), 0, []
    assert survives(read)
    try:
        for seed in range(mutants):
            path.write_bytes(damaged(seed))
            try:
                refused += not survives(read)
            except Exception as error:
                wrong.append(f"mutant {seed}: {told(error)}")
    finally:
        path.write_bytes(whole)
    assert not wrong, f"{len(wrong)} of {path.name}:\n" + "\n".join(wrong[:40])
    assert refused > mutants / 20


def told(error: Exception) -> str:
    """The exception, and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{type(error).__name__}: {str(error)[:100]!r} at {ours[-1].filename}:{ours[-1].lineno}"


def of_text(path: Path) -> Callable[[int], bytes]:
    whole = path.read_text(encoding="utf-8")
    return lambda seed: text_damaged(whole, seed)
