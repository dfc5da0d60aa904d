"""Text from agents and games, made fit to be shown: nothing in it is obeyed, none of it is endless."""

from __future__ import annotations

from rich.text import Text

SPELLED_OUT = "reverse"
NOTE = "italic dim"
LONGEST = 600  # characters of a sentence


def harmless(text: str, limit: int) -> Text:
    """The first `limit` characters, all that a terminal would obey spelled out, and a note of the rest.

    Line breaks stay. Control characters, lone surrogates, direction marks and other characters that
    print nothing become their Python escapes, in reverse video. The text is not read as markup.
    """
    shown = Text()
    for char in text[:limit]:
        if char.isprintable() or char == "\n":
            shown.append(char)
        else:
            shown.append(spelled(char), SPELLED_OUT)
    if len(text) > limit:
        shown.append(f"\n… {len(text):,} characters, the first {limit:,} are shown", NOTE)
    return shown


def spelled_line(text: str, limit: int) -> str:
    """At most `limit` characters on one line, all others spelled out; an ellipsis stands for the rest."""
    line = "".join(char if char.isprintable() else spelled(char) for char in text[: limit + 1])
    return line if len(line) <= limit else line[: max(0, limit - 1)] + "…"


def spelled(char: str) -> str:
    """A character as Python writes it: `\\x1b`, `\\ud800`."""
    return ascii(char)[1:-1]


def cut_to(lines: list[Text], height: int) -> list[Text]:
    """At most `height` lines; the last of them says how many are missing."""
    if len(lines) <= height:
        return lines
    kept = max(0, height - 1)
    return [*lines[:kept], Text(f"… {len(lines) - kept:,} more lines", NOTE)][:height]


def one_line(text: str) -> str:
    """A sentence on one line, without characters that a terminal would obey; line breaks become spaces."""
    line = " ".join(text.split())[:LONGEST]
    return "".join(char if char.isprintable() else spelled(char) for char in line)


def spelled_out(text: str) -> str:
    r"""The text with all that does not print as an escape: ESC becomes `\x1b`. Tabs and line feeds stay."""
    return "".join(char if char.isprintable() or char in "\n\t" else spelled(char) for char in text)


def shown(name: str, longest: int = 60) -> str:
    """A name on one line of at most `longest` characters."""
    return spelled_line(name, longest) or "(no name)"
