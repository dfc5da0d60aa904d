"""The site's navigation: as docs/site.toml has it; other pages go into the section of their folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.training.known_settings import to_toml

SECTIONS = {"how-to": "How to", "science": "Science", "games": "Games"}  # of all others: Reference
NAV = re.compile(r"^nav = \[\n.*?^\]$", re.MULTILINE | re.DOTALL)


def completed(config: str, sources: Path) -> str:
    """The config with every page under `sources` in its navigation."""
    nav = tomllib.loads(config)["project"]["nav"]
    named = set(places(nav))
    found = sorted(path.relative_to(sources).as_posix() for path in sources.rglob("*.md"))
    for place in found:
        if place not in named:
            section = SECTIONS.get(place.partition("/")[0], "Reference")
            pages = next(part[section] for part in nav if section in part)
            pages.append({title(sources / place): place})
    return NAV.sub(lambda _: f"nav = {to_toml(nav)}", config)


def places(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    for inner in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from places(inner)


def title(page: Path) -> str:
    """A page's first heading."""
    heading = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return heading[1] if heading else page.stem
