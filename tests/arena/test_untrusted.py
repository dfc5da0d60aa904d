"""Text made safe: whatever comes in, nothing in it is obeyed where it goes."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from arena.untrusted import (
    LONGEST_SENTENCE,
    escaped_line,
    escaped_name,
    escaped_text,
    file_name,
    markdown_fenced,
    markdown_plain,
    markdown_text,
    one_line,
    terminal_text,
)

ANY_TEXT = st.text(st.characters(codec=None))  # lone surrogates too


@given(ANY_TEXT, st.integers(1, 50))
@example("\x1b[31m\r\n\t\u202e\ud800", 50)
def test_all_that_stays_prints(text: str, limit: int) -> None:
    for line in (one_line(text), escaped_line(text, limit), escaped_name(text, limit)):
        assert line.isprintable()
    assert all(char.isprintable() or char in "\n\t" for char in escaped_text(text))
    assert all(char.isprintable() or char == "\n" for char in terminal_text(text, limit).plain)


@given(ANY_TEXT)
def test_text_that_prints_is_as_it_was(text: str) -> None:
    plain = "".join(char for char in text if char.isprintable())
    assert escaped_text(plain) == plain
    assert escaped_line(plain, len(plain)) == plain


def test_what_differs_is_what_is_kept() -> None:
    text = " a\tb\nc\x1b "
    assert one_line(text) == "a b c\\x1b"
    assert escaped_line(text, 99) == " a\\tb\\nc\\x1b "
    assert escaped_text(text) == " a\tb\nc\\x1b "
    assert terminal_text(text, 99).plain == " a\\tb\nc\\x1b "
    assert escaped_name("") == "(no name)"
    assert len(one_line("x" * 10_000)) == LONGEST_SENTENCE


@given(ANY_TEXT)
def test_a_file_name_is_one_step_of_a_path(name: str) -> None:
    assert re.fullmatch(r"[\w.+-]*", file_name(name))
    assert file_name("a/b c@d") == "a-b-c-d"


@given(ANY_TEXT)
@example("```\n# heading")
def test_nothing_closes_a_fence_from_within(text: str) -> None:
    fenced = markdown_fenced(text, "json")
    fence = re.match("`+", fenced)
    assert fence is not None
    assert fence[0] not in text
    assert fenced == f"{fence[0]}json\n{text}\n{fence[0]}"


@given(ANY_TEXT)
@example("'Half' of (all) episodes: n = 5, {\"a\": [1, 2]}; *a* _b_ `c` ~d~ $e$ <f> &lt; |g| \\\\* #")
@example("- a list")
@example("12. a list")
@example("2) a list")
@example("# heading")
@example("===")
@example(":--- | :---")
@example("[a]: b")
def test_a_line_of_markdown_is_read_as_it_is(text: str) -> None:
    read = MarkdownIt("gfm-like", {"linkify": False}).render(f"before\n\n{markdown_text(text)}\n")
    assert html.unescape(read) == f"<p>before</p>\n<p>{one_line(text)}</p>\n" or not one_line(text)


def test_a_long_line_of_markdown_is_whole() -> None:
    assert markdown_text("word " * 1000) == "word " * 999 + "word"


@given(ANY_TEXT)
def test_a_cell_of_a_markdown_table_is_read_as_it_is(text: str) -> None:
    read = MarkdownIt("gfm-like", {"linkify": False}).render(f"| a |\n| --- |\n| {markdown_text(text)} |\n")
    (cell,) = re.findall("<td>(.*)</td>", read)
    assert html.unescape(cell) == one_line(text)


@given(ANY_TEXT)
def test_a_plain_name_holds_nothing_that_markdown_obeys(name: str) -> None:
    assert not set("*[]()<>`#|!\\\n") & set(markdown_plain(name))
