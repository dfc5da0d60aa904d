"""A matplotlib figure as inline SVG that follows the page: its colours, its font, its dark mode.

Figures are drawn in the placeholder colours of `INK`; here each becomes a CSS variable of the page. Style
attributes and style elements, which the page's security policy forbids, become plain attributes.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure

NAMESPACE = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"

# Name of the page's CSS variable → the colour that stands for it while matplotlib draws.
INK = {
    "ink": "#010101",
    "muted": "#020202",
    "line": "#030303",
    "card": "#040404",
    "accent": "#050505",
    **{f"series-{i}": f"#0606{i:02d}" for i in range(1, 7)},
}
_VARIABLE = {colour: f"var(--{name})" for name, colour in INK.items()}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "arena",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.size": 13,
    "axes.facecolor": "none",
    "axes.edgecolor": INK["line"],
    "axes.labelcolor": INK["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": INK["line"],
    "legend.frameon": False,
    "text.color": INK["ink"],
    "xtick.color": INK["line"],
    "xtick.labelcolor": INK["muted"],
    "ytick.color": INK["line"],
    "ytick.labelcolor": INK["muted"],
}


def to_svg(figure: Figure, *, key: str, label: str) -> str:
    """The figure as one `<svg>` element; 72 units are an inch of the figure.

    `key` keeps its ids apart from those of the page's other figures. `label` says in words what it
    shows, for those who do not see it.
    """
    written = io.StringIO()
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser's fonts draw the letters
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(written.getvalue())
    _drop(root, ("metadata", "style"))
    for element in root.iter():
        _plain_attributes(element)
    _rename_ids(root, key)
    _describe(root, label)
    return ElementTree.tostring(root, encoding="unicode")


def _drop(root: ElementTree.Element, names: tuple[str, ...]) -> None:
    unwanted = {f"{{{NAMESPACE}}}{name}" for name in names}
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in unwanted]:
            parent.remove(child)


def _plain_attributes(element: ElementTree.Element) -> None:
    """`style="fill: #050505"` becomes `fill="var(--accent)"`; the font's family is left to the page."""
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name and name != "font-family":
            element.set(name, value)
    for name in ("fill", "stroke"):
        if element.get(name) in _VARIABLE:
            element.set(name, _VARIABLE[element.attrib[name]])


def _rename_ids(root: ElementTree.Element, key: str) -> None:
    """Ids that nothing refers to go; the others get the key in front."""
    wanted = {
        found
        for element in root.iter()
        for name, value in element.attrib.items()
        for found in ([value[1:]] if name == LINK else re.findall(r"url\(#([^)]+)\)", value))
    }
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in wanted:
            element.set("id", f"{key}-{own}")
        for name, value in list(element.attrib.items()):
            if name == LINK:
                del element.attrib[name]
                element.set("href", f"#{key}-{value[1:]}")
            elif "url(#" in value:
                element.set(name, value.replace("url(#", f"url(#{key}-"))


def _describe(root: ElementTree.Element, label: str) -> None:
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    root.set("role", "img")
    root.set("aria-label", label)
