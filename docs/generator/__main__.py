"""Write what the site is built from, into a folder: `python -m docs.generator build`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.generator import games, navigation, pages, reference

ROOT = Path(__file__).parents[2]


def main(folder: Path) -> None:
    """Replace the sources in the folder's `docs/`, and its config."""
    sources = folder / "docs"
    shutil.rmtree(sources, ignore_errors=True)
    pages.write(ROOT, sources)
    made = {**reference.pages(), **games.pages()}
    for name, text in made.items():
        path = sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = (ROOT / "docs" / "site.toml").read_text(encoding="utf-8")
    (folder / "zensical.toml").write_text(navigation.completed(config, sources), encoding="utf-8")
    print(f"{len(list(sources.rglob('*.md')))} pages in {sources}, {len(made)} of them made from the code")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
