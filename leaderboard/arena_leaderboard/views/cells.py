"""One standing's numbers as short pieces of coloured text, for terminals that print Unicode and others."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from arena_leaderboard.model.ratings import Rating
from arena_leaderboard.seat_effect import SeatEffect
from arena_leaderboard.standing import Standing
from arena_leaderboard.views.numbers import around, fixed, percent, span, speed
from arena_leaderboard.views.untrusted import runs_right_to_left, visible

LEFT_TO_RIGHT = "\u200e"
HIGH_INVALID = 0.05  # a share of invalid replies from here on is marked


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that are not letters."""

    line: str
    left: str
    right: str
    mean: str
    tied: str
    dash: str
    plus_minus: str
    least: str
    most: str
    from_below: str
    on_above: str


UNICODE = Glyphs(
    line="─",
    left="╶",
    right="╴",
    mean="●",
    tied="≈",
    dash="–",
    plus_minus="±",
    least="≥",
    most="≤",
    from_below="◂",
    on_above="▸",
)
ASCII = Glyphs(
    line="-",
    left="-",
    right="-",
    mean="o",
    tied="~",
    dash="-",
    plus_minus="+-",
    least=">=",
    most="<=",
    from_below="<",
    on_above=">",
)


def name_cell(name: str, glyphs: Glyphs, style: str = "") -> Text:
    """The name as plain text: its markup is not read, its control characters are spelled out."""
    return Text(visible(name, ascii_only=glyphs is ASCII), style=style)


def rank_cell(rank: int, standing: Standing, glyphs: Glyphs) -> Text:
    """The rank, marked where it is not separable from the one above; a dash where nothing is rated."""
    if standing.rating is None:
        return _unknown(glyphs)
    mark = f"{glyphs.tied} " if standing.separated is False else ""
    return Text.assemble((mark, "yellow"), f"{rank}")


def ranks_cell(standing: Standing, glyphs: Glyphs) -> Text:
    """The ranks that it may have when all are compared with all."""
    if standing.ranks is None:
        return _unknown(glyphs)
    best, worst = standing.ranks
    return Text(f"{best}" if best == worst else f"{best}{glyphs.dash}{worst}", style="dim")


def rating_cell(standing: Standing, glyphs: Glyphs) -> Text:
    if standing.rating is None:
        return _unknown(glyphs)
    # The mark has no width. It keeps the numbers to the right of a name that runs right to left.
    turn = LEFT_TO_RIGHT if glyphs is UNICODE and runs_right_to_left(standing.agent) else ""
    return Text(f"{turn}{standing.rating.mean:.0f}", style="bold cyan")


def interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    if standing.rating is None:
        return Text("not rated", style="dim")
    return Text(_span(standing.rating, glyphs), style="dim")


def games_mean_cell(standing: Standing, glyphs: Glyphs) -> Text:
    """The mean of the ratings in the games."""
    return _unknown(glyphs) if standing.games_mean is None else Text(f"{standing.games_mean.mean:.0f}")


def games_mean_interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = games_mean_cell(standing, glyphs)
    if standing.games_mean is not None:
        text.append(f"  {_span(standing.games_mean, glyphs)}", style="dim")
    return text


def clean_cell(standing: Standing, glyphs: Glyphs) -> Text:
    """The rating over the matches without an invalid reply, with a mark where many are left out."""
    if standing.clean is None:
        return _unknown(glyphs)
    return Text(f"{standing.clean.mean:.0f}{'*' if standing.clean_is_a_selection else ''}")


def clean_interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = clean_cell(standing, glyphs)
    if standing.clean is not None:
        text.append(f"  {_span(standing.clean, glyphs)}", style="dim")
    return text


def return_cell(standing: Standing, glyphs: Glyphs) -> Text:
    if standing.mean_return is None:
        return _unknown(glyphs)
    return Text(fixed(standing.mean_return, 2))


def return_interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = return_cell(standing, glyphs)
    if standing.mean_return is not None and standing.return_ci95 is not None:
        shown = around(standing.mean_return, standing.return_ci95, 2, glyphs.plus_minus, glyphs.dash)
        text.append(f" {shown}", style="dim")
    return text


def success_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return _percent(standing.success_rate, glyphs)


def success_interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = success_cell(standing, glyphs)
    if standing.success_ci95 is not None:
        low, high = standing.success_ci95
        text.append(f"  {100 * low:.0f}{glyphs.dash}{100 * high:.0f}", style="dim")
    return text


def invalid_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = _percent(standing.invalid_rate, glyphs)
    rate = standing.invalid_rate or 0.0
    text.stylize("red" if rate >= HIGH_INVALID else "dim" if rate == 0 else "")
    return text


def first_invalid_cell(standing: Standing, glyphs: Glyphs) -> Text:
    """The share of decisions whose first reply was invalid, where agents were asked again."""
    return _percent(standing.first_invalid_rate, glyphs)


def matches_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return Text(f"{standing.matches}")


def errors_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return Text(f"{standing.errors}", style="bold red" if standing.errors else "dim")


def forfeits_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return Text(f"{standing.forfeits}", style="red" if standing.forfeits else "dim")


def seats_line(effects: Sequence[SeatEffect], glyphs: Glyphs) -> Text:
    """What each seat of a game is worth, on one line."""
    line = Text("by seat:", style="dim")
    for effect in effects:
        line.append(f"  {effect.seat + 1} ")
        line.append(percent(effect.score, 0), style="not dim")
        line.append(f" ({100 * effect.low:.0f}{glyphs.dash}{100 * effect.high:.0f})")
    return line


def speed_cell(standing: Standing, glyphs: Glyphs) -> Text:
    rate = standing.decisions_per_second
    return _unknown(glyphs) if rate is None else Text(speed(rate))


def _span(rating: Rating, glyphs: Glyphs) -> str:
    if None in rating.ends:
        return span(rating, "", glyphs.least, glyphs.most)
    return f"{rating.low:4.0f} {glyphs.dash} {rating.high:<4.0f}"


def _percent(rate: float | None, glyphs: Glyphs) -> Text:
    return _unknown(glyphs) if rate is None else Text(percent(rate))


def _unknown(glyphs: Glyphs) -> Text:
    return Text(glyphs.dash, style="dim")
