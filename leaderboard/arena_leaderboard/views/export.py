"""The leaderboard as JSON, CSV and Markdown text."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.seat_effect import SeatEffect
from arena_leaderboard.standing import Standing
from arena_leaderboard.standings import Leaderboard
from arena_leaderboard.views.numbers import fixed, percent, span
from arena_leaderboard.views.untrusted import csv_name, markdown_name

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
    "success_low",
    "success_high",
    "invalid_rate",
    "first_invalid_rate",
    "decisions_per_second",
    "errors",
    "forfeits",
    "clean_rating",
    "clean_low",
    "clean_high",
    "clean_matches",
    "behind",
    "behind_low",
    "behind_high",
    "separated",
    "rank_low",
    "rank_high",
    "games_rating",
    "games_low",
    "games_high",
)


def render_json(leaderboard: Leaderboard, **more: Any) -> str:
    """`Leaderboard.to_json`, and `more` beside it, as ASCII text; names stand exactly, in JSON's escapes."""
    return json.dumps(leaderboard.to_json() | more, indent=2, allow_nan=False)


def render_csv(leaderboard: Leaderboard) -> str:
    """One row per game and agent under `CSV_COLUMNS`; `game` is "overall" in the first rows.

    Unknown values are empty. A name that a spreadsheet would run as a formula gets a leading quote.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for game, standing in _rows(leaderboard):
        row = standing.to_json() | {"game": csv_name(game), "agent": csv_name(standing.agent)}
        row["return_low"], row["return_high"] = row["return_ci95"]
        row["success_low"], row["success_high"] = row["success_ci95"]
        row["rank_low"], row["rank_high"] = row["ranks"]
        row["behind_low"], row["behind_high"] = row["behind_ci95"]
        writer.writerow([row[column] for column in CSV_COLUMNS])
    return text.getvalue()


def render_markdown(leaderboard: Leaderboard) -> str:
    """One table overall and one per game, as GitHub's Markdown; ≈ as in the terminal: not separable."""
    parts = [_markdown_table("Overall", leaderboard.overall)]
    if any(standing.games_mean for standing in leaderboard.overall):
        parts.append(_markdown_means(leaderboard.overall))
    for game, rows in leaderboard.games.items():
        parts.append(_markdown_table(markdown_name(game), rows))
        if effects := leaderboard.seats.get(game):
            parts.append(_markdown_seats(effects))
    return "\n".join(parts)


def _rows(leaderboard: Leaderboard) -> Iterator[tuple[str, Standing]]:
    for standing in leaderboard.overall:
        yield "overall", standing
    for game, rows in leaderboard.games.items():
        for standing in rows:
            yield game, standing


def _markdown_table(title: str, rows: tuple[Standing, ...]) -> str:
    lines = [
        f"### {title}\n",
        "| # | ranks | agent | rating | 95% interval | matches | return | return interval | success "
        "| success interval | invalid | clean rating | clean interval | clean matches | forfeits | errors "
        "| moves/s |",
        "| ---: | :---: | :--- | ---: | :---: | ---: | ---: | :---: | ---: | :---: "
        "| ---: | ---: | :---: | ---: | ---: | ---: | ---: |",
        *map(_markdown_row, range(1, len(rows) + 1), rows),
    ]
    return "\n".join(lines) + "\n"


def _markdown_means(rows: tuple[Standing, ...]) -> str:
    means = "; ".join(
        f"{markdown_name(row.agent)} {row.games_mean.mean:.0f} ({span(row.games_mean, ' … ')})"
        for row in rows
        if row.games_mean
    )
    return f"Plain mean of the ratings in the games: {means}\n"


def _markdown_row(rank: int, standing: Standing) -> str:
    rating, clean, speed = standing.rating, standing.clean, standing.decisions_per_second
    cells = [
        ("≈ " if standing.separated is False else "") + str(rank) if rating else UNKNOWN,
        _ranks(standing),
        markdown_name(standing.agent),
        *_rating_cells(rating),
        str(standing.matches),
        *_return_cells(standing),
        _share(standing.success_rate),
        _success_interval(standing),
        _invalid(standing),
        *_rating_cells(clean),
        str(clean.matches) if clean else UNKNOWN,
        str(standing.forfeits),
        str(standing.errors),
        UNKNOWN if speed is None else f"{speed:.3g}",
    ]
    return "| " + " | ".join(cells) + " |"


def _ranks(standing: Standing) -> str:
    if standing.ranks is None:
        return UNKNOWN
    best, worst = standing.ranks
    return f"{best}" if best == worst else f"{best}–{worst}"


def _rating_cells(rating: Rating | None) -> tuple[str, str]:
    if rating is None:
        return UNKNOWN, UNKNOWN
    return f"{rating.mean:.0f}", span(rating, " … ")


def _return_cells(standing: Standing) -> tuple[str, str]:
    mean = UNKNOWN if standing.mean_return is None else fixed(standing.mean_return, 2)
    if standing.return_ci95 is None:
        return mean, UNKNOWN
    low, high = (fixed(end, 2) for end in standing.return_ci95)
    return mean, f"{low} … {high}"


def _success_interval(standing: Standing) -> str:
    if standing.success_ci95 is None:
        return UNKNOWN
    low, high = standing.success_ci95
    return f"{percent(low)} … {percent(high)}"


def _markdown_seats(effects: tuple[SeatEffect, ...]) -> str:
    seats = ", ".join(
        f"seat {effect.seat + 1} {percent(effect.score, 0)} "
        f"({percent(effect.low, 0)} … {percent(effect.high, 0)})"
        for effect in effects
    )
    return f"Share of the others left behind: {seats}\n"


def _invalid(standing: Standing) -> str:
    """The share that was invalid after all, and that at first where agents were asked again."""
    at_first = f" ({_share(standing.first_invalid_rate)} at first)" if standing.asked_again else ""
    return _share(standing.invalid_rate) + at_first


def _share(rate: float | None) -> str:
    return UNKNOWN if rate is None else percent(rate)
