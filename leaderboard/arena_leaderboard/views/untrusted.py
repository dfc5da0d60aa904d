"""Names come from users and plug-ins: what a terminal, a page or a spreadsheet would obey is spelled out."""

import unicodedata

LONGEST = 60  # characters of a name that are shown

# Controls, format characters (bidirectional overrides, zero width), lone surrogates, private use,
# unassigned, line and paragraph separators.
_OBEYED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


_FLAGS = range(0x1F1E6, 0x1F200)  # letters that pair up to flags
_VARIANTS = range(0xFE00, 0xFE10)  # choose between text and picture: terminals disagree how wide both are


def visible(name: str, *, ascii_only: bool = False) -> str:
    r"""The name on one line of printable text: ESC becomes `\x1b`, a long name ends in an ellipsis."""
    shown = "".join(_spelled(character, ascii_only) for character in name[:LONGEST])
    if len(name) > LONGEST:
        shown += "..." if ascii_only else "…"
    return shown or "(no name)"


def _spelled(character: str, ascii_only: bool) -> str:
    disputed = ord(character) in _FLAGS or ord(character) in _VARIANTS
    if unicodedata.category(character) in _OBEYED or disputed or (ascii_only and not character.isascii()):
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def runs_right_to_left(name: str) -> bool:
    """Whether a letter of it is written from right to left, which can drag the numbers behind it along."""
    return any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in name)
