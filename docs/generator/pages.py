"""Pages that are written by hand: everything in docs/, and the READMEs of the four folders.

They stay readable where they lie. On the way to the site, links between them are turned to their new places,
links to other files of the repository become the files' names, equations become MathML (nothing is
rendered by script, so nothing is fetched), and the marks of runnable blocks are taken off.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from latex2mathml.converter import convert

# Where a file of the repository stands on the site; the rest of docs/ keeps its place.
MOVED = {
    "agents/README.md": "how-to/agent.md",
    "games/README.md": "how-to/game.md",
    "leaderboard/README.md": "science/leaderboard.md",
    "agents/arena_agents/nano/model/README.md": "science/nano.md",
    "docs/choice.md": "how-to/choice.md",
    "docs/teaching.md": "how-to/teaching.md",
    "docs/credit.md": "how-to/credit.md",
    "docs/families.md": "reference/families.md",
    "docs/games.md": "games/libraries.md",
    "docs/record.md": "reference/record.md",
    "docs/gpu.md": "science/gpu.md",
    "docs/speed.md": "science/speed.md",
    "examples/README.md": "examples.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
COPIED = (".svg", ".png", ".css", ".js")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
INCLUDE = re.compile(r"<!-- from (\S+): (.+?) -->")
DISPLAYED = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$`(.+?)`\$")
FENCE = re.compile(r"^(\s*```\w+) (?:run|file=\S+)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|^    [^\n]*$|(?<!\[)`[^`\n]*`(?!\])", re.MULTILINE | re.DOTALL)


def sources(root: Path) -> Mapping[str, str]:
    """The place of each page on the site by that of its file in the repository."""
    own = {
        path.relative_to(root).as_posix(): path.relative_to(root / "docs").as_posix()
        for path in (root / "docs").rglob("*.md")
    }
    return {**own, **MOVED}


def write(root: Path, folder: Path) -> None:
    """Write all pages and copy the pictures. Raises ValueError for what a page asks for and is not there."""
    places = sources(root)
    for source, place in places.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(root, source, places, folder), encoding="utf-8")
    for picture in (root / "docs").rglob("*"):
        if picture.suffix in COPIED:
            target = folder / picture.relative_to(root / "docs")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)


def page(root: Path, source: str, places: Mapping[str, str], folder: Path) -> str:
    """A page as the site's builder reads it."""
    text = (root / source).read_text(encoding="utf-8")
    text = INCLUDE.sub(lambda found: included(root, found[1], found[2], source), text)
    text = outside_code(text, lambda part: relinked(part, root, source, places, folder))
    text = DISPLAYED.sub(lambda found: displayed(found[1]), text)
    text = INLINE.sub(lambda found: f'<span class="math">{convert(found[1])}</span>', text)
    return FENCE.sub(r"\1", text)


def displayed(latex: str) -> str:
    """An equation on lines of its own."""
    return f'<div class="equation">{convert(latex.strip(), display="block")}</div>'


def included(root: Path, file: str, titles: str, into: str) -> str:
    """Sections of another file, its links turned to be read from this one."""
    text = (root / file).read_text(encoding="utf-8")
    parts = []
    for title in titles.split(", "):
        found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        if found is None:
            raise ValueError(f"{into} includes a section {title!r} that {file} does not have")
        parts.append(found[0])
    here = posixpath.dirname(into)

    def turned(found: re.Match[str]) -> str:
        target = (
            found[3] if "://" in found[3] or found[3].startswith("#") else posixpath.relpath(found[3], here)
        )
        return f"{found[1]}[{found[2]}]({target})"

    return outside_code("\n".join(parts), lambda part: LINK.sub(turned, part))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed but blocks of code; a link may hold code of its own."""
    parts, at = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, change(text[at:])])


def relinked(text: str, root: Path, source: str, places: Mapping[str, str], folder: Path) -> str:
    """Links and pictures, turned to where things are on the site."""
    here = posixpath.dirname(places[source])

    def turned(found: re.Match[str]) -> str:
        picture, label, link = found.groups()
        path, _, anchor = link.partition("#")
        if "://" in link or not path:
            return found[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if file in places:
            target = posixpath.relpath(places[file], here or ".")
            return f"[{label}]({target}{'#' + anchor if anchor else ''})"
        made = not (root / file).exists()  # from the code, as the reference
        if file.startswith("docs/") and (made or file.endswith(COPIED)):
            return f"{picture}[{label}]({posixpath.relpath(file.removeprefix('docs/'), here or '.')})"
        if not (root / file).exists():
            raise ValueError(f"{source} links to {link}, which is not there")
        if picture:
            target = folder / "pictures" / posixpath.basename(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / file, target)
            return f"![{label}]({posixpath.relpath(f'pictures/{target.name}', here or '.')})"
        return f"`{file}`" if label in (file, f"`{file}`") else f"{label} (`{file}`)"

    return LINK.sub(turned, text)
