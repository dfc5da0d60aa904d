"""What the built site needs to be read from disk: `python -m docs.generator.finish FOLDER`.

A page from disk may fetch no file, so the search's index is a script there, as Zensical's search expects
it. docs/worker.js runs the search.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(site: Path) -> None:
    """Write the index as a script beside the index."""
    index = (site / "search.json").read_text(encoding="utf-8")
    (site / "search.js").write_text(f"var __index = {index}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
