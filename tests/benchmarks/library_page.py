"""The tables of `libraries`, as they stand in docs/games.md.

    python -m tests.benchmarks.library_page docs/games.md LIBRARY=FILE …

puts each file's table below the heading of its library, in place of the one before.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def main() -> None:
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    for library, _, file in (argument.partition("=") for argument in sys.argv[2:]):
        text = with_table(text, library, Path(file).read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


def with_table(text: str, library: str, table: str) -> str:
    """The page with this table below `### library`."""
    begin, end = f"<!-- {library} -->\n", f"<!-- end of {library} -->"
    return re.sub(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + table + end, text, flags=re.DOTALL
    )


if __name__ == "__main__":
    main()
