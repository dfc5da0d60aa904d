"""Names and texts from others, made harmless where the page sets them as text."""

from __future__ import annotations

from arena.harmless import one_line, spelled


def spelled_out(text: str) -> str:
    r"""The text with all that does not print as an escape: ESC becomes `\x1b`. Tabs and line feeds stay."""
    return "".join(char if char.isprintable() or char in "\n\t" else spelled(char) for char in text)


def shown(name: str, longest: int = 60) -> str:
    """A name on one line of at most `longest` characters."""
    return one_line(name, longest) or "(no name)"
