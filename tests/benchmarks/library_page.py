"""The tables of `libraries`, as they stand in docs/games.md.

    python -m tests.benchmarks.library_page docs/games.md LIBRARY=FILE …

puts each file's table below the heading of its library, in place of the one before.

    python -m tests.benchmarks.library_page docs/games.md LIBRARY=again

measures the games of its table that pass once more, their speed alone, in one process.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.benchmarks import libraries


def main() -> None:
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    for library, _, file in (argument.partition("=") for argument in sys.argv[2:]):
        if file == "again":
            text = measured_again(text, library)
        else:
            text = with_table(text, library, Path(file).read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


def measured_again(text: str, library: str) -> str:
    """The page with the speeds of this library's table measured anew, where a game passes."""
    begin, end = _marks(library)
    rows = text[text.index(begin) + len(begin) : text.index(end)].splitlines()
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
        if cells[3] == "passes":
            ours, bare = libraries.speeds(library, cells[0].strip("`"))
            rows[number] = f"| {' | '.join([*cells[:4], *libraries.speed_cells(ours, bare)])} |"
            print(rows[number], file=sys.stderr, flush=True)
    return with_table(text, library, "\n".join(rows) + "\n")


def _marks(library: str) -> tuple[str, str]:
    return f"<!-- {library} -->\n", f"<!-- end of {library} -->"


def with_table(text: str, library: str, table: str) -> str:
    """The page with this table below `### library`."""
    begin, end = _marks(library)
    return re.sub(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + table + end, text, flags=re.DOTALL
    )


if __name__ == "__main__":
    main()
