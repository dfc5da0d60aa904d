"""The leaderboard as JSON, CSV and Markdown text."""

import csv
import io
import json
import re
from collections.abc import Iterator

from arena_leaderboard.standings import Leaderboard, Standing
from arena_leaderboard.untrusted import visible

UNKNOWN = "—"

CSV_COLUMNS = (
    "game",
    "agent",
    "rating",
    "low",
    "high",
    "matches",
    "mean_return",
    "return_low",
    "return_high",
    "success_rate",
    "invalid_rate",
    "decisions_per_second",
    "errors",
)


def render_json(leaderboard: Leaderboard) -> str:
    """`Leaderboard.to_json` as ASCII text; names stand exactly as they are, in JSON's escapes."""
    return json.dumps(leaderboard.to_json(), indent=2, allow_nan=False)


def render_csv(leaderboard: Leaderboard) -> str:
    """One row per game and agent under `CSV_COLUMNS`; `game` is "overall" in the first rows.

    Unknown values are empty. A name that a spreadsheet would run as a formula gets a leading quote.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for game, standing in _rows(leaderboard):
        row = standing.to_json() | {"game": _cell(game), "agent": _cell(standing.agent)}
        row["return_low"], row["return_high"] = row["return_ci95"]
        writer.writerow([row[column] for column in CSV_COLUMNS])
    return text.getvalue()


def render_markdown(leaderboard: Leaderboard) -> str:
    """One table overall and one per game, as GitHub's Markdown; ≈ as in the terminal: not separable."""
    tables = [_markdown_table("Overall", leaderboard.overall)]
    tables += [_markdown_table(_escaped(game), rows) for game, rows in leaderboard.games.items()]
    return "\n".join(tables)


def _rows(leaderboard: Leaderboard) -> Iterator[tuple[str, Standing]]:
    for standing in leaderboard.overall:
        yield "overall", standing
    for game, rows in leaderboard.games.items():
        for standing in rows:
            yield game, standing


def _cell(name: str) -> str:
    shown = visible(name)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def _escaped(name: str) -> str:
    """The name as Markdown text: no cell border, link, image, tag or emphasis in it is live."""
    text = visible(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", text)


def _markdown_table(title: str, rows: tuple[Standing, ...]) -> str:
    lines = [
        f"### {title}\n",
        "| # | agent | rating | 95% interval | matches | return | success | invalid | errors |",
        "| ---: | :--- | ---: | :---: | ---: | ---: | ---: | ---: | ---: |",
        *map(_markdown_row, range(1, len(rows) + 1), rows, (None, *rows)),
    ]
    return "\n".join(lines) + "\n"


def _markdown_row(rank: int, standing: Standing, above: Standing | None) -> str:
    rating, mean_return = standing.rating, standing.mean_return
    cells = [
        ("≈ " if standing.inseparable(above) else "") + str(rank) if rating else UNKNOWN,
        _escaped(standing.agent),
        f"{rating.mean:.0f}" if rating else UNKNOWN,
        f"{rating.low:.0f} … {rating.high:.0f}" if rating else UNKNOWN,
        str(standing.matches),
        UNKNOWN if mean_return is None else f"{round(mean_return, 2) + 0.0:.2f}",  # + 0.0: no −0.00
        _percent(standing.success_rate),
        _percent(standing.invalid_rate),
        str(standing.errors),
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{100 * rate:.1f}%"
