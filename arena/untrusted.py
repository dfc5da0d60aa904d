"""Text from agents, games and users, made fit for where it goes: nothing in it is obeyed, none is endless.

One idea: a character that does not print (a control, a lone surrogate, a direction mark) becomes its Python
escape. What differs is what is kept, how much of it, and for whom:

    one_line         a sentence: white space becomes single spaces
    escaped_line     one line of so many characters, line breaks escaped too; an ellipsis stands for the rest
    escaped_name     the same for a name, which is never empty
    escaped_text     all of it; tabs and line feeds stay
    terminal_text    line feeds stay, escapes stand out, a note tells of the rest
    json_in_html     a value inside a page's script element
    markdown_text    one line of a Markdown text, or a cell of its tables, whole
    markdown_plain   a name inside a Markdown text, where nothing can be escaped
    markdown_fenced  a text as a Markdown code block
    file_name, slug  a name as part of a path

Names on the leaderboard: `arena_leaderboard.views.untrusted`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rich.text import Text

from arena_leaderboard.views.untrusted import escaped

ESCAPE_STYLE = "reverse"
NOTE_STYLE = "italic dim"
LONGEST_SENTENCE = 600  # characters
LONGEST_NAME = 60


def one_line(text: str) -> str:
    """A sentence on one line of at most `LONGEST_SENTENCE` characters; line breaks become spaces."""
    return _printing(" ".join(text.split())[:LONGEST_SENTENCE])


def escaped_line(text: str, limit: int) -> str:
    """At most `limit` characters on one line, all that does not print escaped; an ellipsis for the rest."""
    line = _printing(text[: limit + 1])
    return line if len(line) <= limit else line[: max(0, limit - 1)] + "…"


def escaped_name(name: str, longest: int = LONGEST_NAME) -> str:
    """A name on one line of at most `longest` characters."""
    return escaped_line(name, longest) or "(no name)"


def escaped_text(text: str) -> str:
    r"""All of it, what does not print as an escape: ESC becomes `\x1b`. Tabs and line feeds stay."""
    return _printing(text, keep="\n\t")


def terminal_text(text: str, limit: int) -> Text:
    """The first `limit` characters for a terminal, and a note of the rest; line feeds stay.

    Escapes are in reverse video. The text is not read as markup.
    """
    shown = Text()
    for char in text[:limit]:
        kept = _printing(char, keep="\n")
        shown.append(kept, "" if kept == char else ESCAPE_STYLE)
    if len(text) > limit:
        shown.append(f"\n{note_of_the_rest(text, limit)}", NOTE_STYLE)
    return shown


def note_of_the_rest(text: str, limit: int) -> str:
    """What stands below the first `limit` characters of a longer text."""
    return f"… {len(text):,} characters, the first {limit:,} are shown"


def _printing(text: str, keep: str = "") -> str:
    return "".join(char if char.isprintable() or char in keep else escaped(char) for char in text)


def json_in_html(value: Any) -> str:
    """JSON that nothing in it can end: it holds neither `<`, `>` nor `&`, and ASCII only."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def markdown_text(text: str) -> str:
    """One line that a reader of Markdown sees as it is: what Markdown or HTML would obey is escaped."""
    line = re.sub(r"[\\`*_\[\]<>|~&$#!]", r"\\\g<0>", _printing(" ".join(text.split())))
    return re.sub(r"^(\d*)([-+.)=:])", r"\1\\\2", line)  # at its beginning a list, a table's rule, a heading


def markdown_plain(name: str) -> str:
    """A name without any character that Markdown or HTML would obey."""
    return re.sub(r"[^\w .+@:/-]", "", " ".join(name.split()))


def markdown_fenced(text: str, language: str) -> str:
    """The text in a fence that is longer than any within it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def file_name(name: str) -> str:
    """An agent's or a game's name as a file's: letters, digits, `_`, `.`, `+` and `-`."""
    return re.sub(r"[^\w.+-]+", "-", name)


def slug(spec: str) -> str:
    """An agent's or a game's spec as part of a folder's name, in ASCII and without `hf:`."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", spec.removeprefix("hf:")).strip("-.")
