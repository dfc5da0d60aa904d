"""The blocks of a page that are marked to be run, and running them: `python -m docs.generator.blocks PAGE`.

    ```sh run              commands, as a shell reads them
    ```python run          Python; all of a page's blocks share their names
    ```python file=X.py    no command: what is to be saved under that name

Everything runs in the working directory, from top to bottom. What fails ends it with its line in the page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKED = re.compile(r"^```(\w+) (run|file=(\S+))\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A marked block: its language, the file that it is saved as, if any, and its first line's number."""

    language: str
    file: str | None
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The marked blocks of a page, in order."""
    for found in MARKED.finditer(page):
        yield Block(found[1], found[3], found[4], page.count("\n", 0, found.start()) + 2)


def run(page: Path) -> None:
    """Run them all. Raises what a block raises, CalledProcessError for a command that fails."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        print(f"{page.name}:{block.line}", flush=True)
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            code = "\n" * (block.line - 1) + block.text  # errors name the page's lines
            exec(compile(code, str(page), "exec"), names)
        elif block.language == "sh":
            subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], check=True)
        else:
            raise ValueError(f"{page}:{block.line}: a block of {block.language} cannot be run")


if __name__ == "__main__":
    sys.path.insert(0, "")  # what a block saves can be imported
    run(Path(sys.argv[1]).resolve())
