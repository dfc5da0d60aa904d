"""Names come from users and plug-ins: what a terminal, a page or a spreadsheet would obey is escaped.

visible        on one line of printable text
csv_name       as a cell that a spreadsheet takes for text
markdown_name  as GitHub's Markdown
"""

import re
import unicodedata

LONGEST = 60  # characters of a name that are shown

# Controls, format characters (bidirectional overrides, zero width), lone surrogates, private use,
# unassigned, line and paragraph separators.
_OBEYED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_FLAGS = range(0x1F1E6, 0x1F200)  # letters that pair up to flags
_VARIANTS = range(0xFE00, 0xFE10)  # choose between text and picture: terminals disagree how wide both are


def escaped(char: str) -> str:
    r"""A character as Python writes it: `\x1b`, `\ud800`."""
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def visible(name: str, *, ascii_only: bool = False) -> str:
    r"""The name on one line of printable text: ESC becomes `\x1b`, a long name ends in an ellipsis."""
    shown = "".join(_visible(char, ascii_only) for char in name[:LONGEST])
    if len(name) > LONGEST:
        shown += "..." if ascii_only else "…"
    return shown or "(no name)"


def _visible(char: str, ascii_only: bool) -> str:
    disputed = ord(char) in _FLAGS or ord(char) in _VARIANTS
    obeyed = unicodedata.category(char) in _OBEYED
    return escaped(char) if obeyed or disputed or (ascii_only and not char.isascii()) else char


def csv_name(name: str) -> str:
    """The name as a cell; one that a spreadsheet would run as a formula gets a leading quote."""
    shown = visible(name)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def markdown_name(name: str) -> str:
    """The name as Markdown text: no cell border, link, image, tag or emphasis in it is live."""
    text = visible(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", text)


def runs_right_to_left(name: str) -> bool:
    """Whether a letter of it is written from right to left, which can drag the numbers behind it along."""
    return any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in name)
