"""Files that are replaced in one step, and never anything else than files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from arena_agents.files import check_own


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step. Raises UsageError where something else than a file is in its place."""
    check_own(path)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # a link there would be written through
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(text)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_output(path: Path, text: str) -> None:
    """Write where the user says: a file is replaced in one step, a device or a FIFO is written into.

    A link is followed, to the file that is then replaced.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
    else:
        write_text(target, text)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(value, indent=2) + "\n")
