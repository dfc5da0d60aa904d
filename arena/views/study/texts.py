"""A study as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from arena.study.result import StudyResult
from arena.untrusted import markdown_text
from arena.views.study.rows import Rows, tables

_LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
}
CSV_HEADINGS = (
    *("name", "trained_on", "policy", "decoding", "game", "metric"),
    *("mean", "low", "high", "spread", "seeds", "episodes"),
)


def markdown(result: StudyResult) -> str:
    """All tables under headings."""
    parts = [
        f"# {markdown_text(result.title)}\n",
        *([f"{markdown_text(result.about)}\n"] if result.about else []),
    ]
    for table in tables(result):
        parts += [f"## {table.title}\n", _pipes(table), ""]
    return "\n".join(parts)


def _pipes(table: Rows) -> str:
    rule = f"|{' --- |' * len(table.headings)}"
    lines = [f"| {' | '.join(map(markdown_text, row))} |" for row in (table.headings, *table.rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


def latex(result: StudyResult) -> str:
    """All tables as `tabular`s, for \\input; nothing but LaTeX's own is needed."""
    return "\n".join(_tabular(table) for table in tables(result))


def _tabular(table: Rows) -> str:
    lines = [f"% {table.title}", rf"\begin{{tabular}}{{{'l' * len(table.headings)}}}", r"\hline"]
    lines += [_latex_row(table.headings), r"\hline", *map(_latex_row, table.rows), r"\hline"]
    return "\n".join([*lines, r"\end{tabular}", ""])


def _latex_row(row: Sequence[str]) -> str:
    return " & ".join("".join(_LATEX.get(char, char) for char in word) for word in row) + r" \\"


def scores_csv(result: StudyResult) -> str:
    """A line for each score, in full precision."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(CSV_HEADINGS)
    for score in result.scores:
        writer.writerow(
            (
                *(_harmless(score.name), score.trained_on, score.policy, score.decoding, score.game),
                *(score.metric, score.mean, *score.ci95, score.spread, score.seeds, score.episodes),
            )
        )
    return lines.getvalue()


def _harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@") else name
