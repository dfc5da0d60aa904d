"""What a reader without a network needs of the built site: `python -m docs.generator.check FOLDER`.

Every link and anchor inside it leads somewhere, and no page loads anything from elsewhere.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that make a browser fetch something, by element; a link in the text only offers to.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_FETCHED = {"canonical", "prev", "next", "alternate"}


class Page(HTMLParser):
    """A page's anchors, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {key: value or "" for key, value in attributes}
        self.anchors |= {named[key] for key in ("id", "name") if key in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if tag in FETCHED and FETCHED[tag] in named and named.get("rel") not in NOT_FETCHED:
            self.loads.append(named[FETCHED[tag]])


def problems(site: Path) -> Iterator[str]:
    """What is wrong with the site, one line each."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    if not pages:
        yield f"{site} holds no page"
    for path, page in pages.items():
        if path.name == "404.html":  # its links are absolute: it is shown at any address
            continue
        shown = path.relative_to(site)
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{shown} loads {link} from a network"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{shown} links to {link}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{shown} links to {link}, which has no such anchor"
    for style in site.rglob("*.css"):
        for found in re.findall(
            r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", style.read_text("utf-8")
        ):
            yield f"{style.relative_to(site)} loads {found} from a network"


def main(site: Path) -> int:
    """Print the problems; 1 if there are any."""
    found = list(problems(site.resolve()))
    print("\n".join(found) or f"{site}: every link leads somewhere, and nothing is loaded from a network")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
