"""Lines on stderr, beside the results on stdout."""

from __future__ import annotations

import sys

from arena.untrusted import one_line


def warn(text: str) -> None:
    """Something went wrong, or may."""
    print(f"arena: {one_line(text)}", file=sys.stderr)


def note(text: str) -> None:
    """Something to know that warns of nothing."""
    print(one_line(text), file=sys.stderr, flush=True)
