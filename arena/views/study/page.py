"""A study as one HTML page that opens without a network."""

from __future__ import annotations

from html import escape

from arena.study.result import StudyResult
from arena.views.study.pictures import curves_svg
from arena.views.study.rows import Rows, tables

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 80em;
  padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: .5em 0 2em; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ddd; padding: .3em .7em; text-align: left; vertical-align: top; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; background: white; }
td.supported { color: #0a6b2d; } td.not-supported { color: #a11; }
@media (prefers-color-scheme: dark) { body { background: #181a1c; color: #ddd; }
  th, td { border-color: #444; }
td.supported { color: #6fd08c; } td.not-supported { color: #ff8a80; } }
"""


def page(result: StudyResult) -> str:
    """The whole page: claims, curves, scores, transfer, trainings."""
    title = escape(result.title)
    picture = curves_svg(result)
    parts = [f"<h1>{title}</h1>", f"<p>{escape(result.about)}</p>"]
    for number, table in enumerate(tables(result)):
        parts += [f"<h2>{escape(table.title)}</h2>", _table(table)]
        if number == 0 and picture is not None:
            caption = (
                "Learning curves: the mean, a band from the lowest to the highest training, the best dashed."
            )
            parts += [f"<h2>{caption}</h2>", picture[picture.index("<svg") :]]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _table(table: Rows) -> str:
    head = "".join(f"<th>{escape(word)}</th>" for word in table.headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(word: str) -> str:
    kind = {"supported": ' class="supported"', "not supported": ' class="not-supported"'}.get(word, "")
    return f"<td{kind}>{escape(word)}</td>"
