"""Write the sources of the site: `python -m docs.generator FOLDER`, then `zensical build --strict`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.generator import games, pages, reference

ROOT = Path(__file__).parents[2]


def main(folder: Path) -> None:
    """Replace what is in the folder by the site's sources."""
    shutil.rmtree(folder, ignore_errors=True)
    pages.write(ROOT, folder)
    made = {**reference.pages(), **games.pages()}
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(list(folder.rglob('*.md')))} pages in {folder}, {len(made)} of them made from the code")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
