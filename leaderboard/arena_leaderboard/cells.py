"""One standing's numbers as short pieces of coloured text, for terminals that print Unicode and others."""

from dataclasses import dataclass

from rich.text import Text

from arena_leaderboard.standings import Standing
from arena_leaderboard.untrusted import visible

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


UNICODE = Glyphs(line="─", left="╶", right="╴", mean="●", tied="≈", dash="–", plus_minus="±")
ASCII = Glyphs(line="-", left="-", right="-", mean="o", tied="~", dash="-", plus_minus="+-")


def name_cell(name: str, glyphs: Glyphs, style: str = "") -> Text:
    """The name as plain text: its markup is not read, its control characters are spelled out."""
    return Text(visible(name, ascii_only=glyphs is ASCII), style=style)


def rank_cell(rank: int, standing: Standing, above: Standing | None, glyphs: Glyphs) -> Text:
    """The rank, marked where it is not separable from the one above; a dash where nothing is rated."""
    if standing.rating is None:
        return _unknown(glyphs)
    mark = f"{glyphs.tied} " if standing.inseparable(above) else ""
    return Text.assemble((mark, "yellow"), f"{rank}")


def rating_cell(standing: Standing, glyphs: Glyphs) -> Text:
    if standing.rating is None:
        return _unknown(glyphs)
    return Text(f"{standing.rating.mean:.0f}", style="bold cyan")


def interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    rating = standing.rating
    if rating is None:
        return Text("not rated", style="dim")
    return Text(f"{rating.low:4.0f} {glyphs.dash} {rating.high:<4.0f}", style="dim")


def return_cell(standing: Standing, glyphs: Glyphs) -> Text:
    if standing.mean_return is None:
        return _unknown(glyphs)
    return Text(f"{round(standing.mean_return, 2) + 0.0:.2f}")  # + 0.0: a rounded −0.00 becomes 0.00


def return_interval_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = return_cell(standing, glyphs)
    if standing.mean_return is not None and standing.return_ci95 is not None:
        half = standing.return_ci95[1] - standing.mean_return
        text.append(f" {glyphs.plus_minus}{half:.2f}", style="dim")
    return text


def success_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return _percent(standing.success_rate, glyphs)


def invalid_cell(standing: Standing, glyphs: Glyphs) -> Text:
    text = _percent(standing.invalid_rate, glyphs)
    rate = standing.invalid_rate or 0.0
    text.stylize("red" if rate >= HIGH_INVALID else "dim" if rate == 0 else "")
    return text


def matches_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return Text(f"{standing.matches}")


def errors_cell(standing: Standing, glyphs: Glyphs) -> Text:
    return Text(f"{standing.errors}", style="bold red" if standing.errors else "dim")


def speed_cell(standing: Standing, glyphs: Glyphs) -> Text:
    speed = standing.decisions_per_second
    if speed is None:
        return _unknown(glyphs)
    return Text(f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}")


def _percent(rate: float | None, glyphs: Glyphs) -> Text:
    return _unknown(glyphs) if rate is None else Text(f"{100 * rate:.1f}%")


def _unknown(glyphs: Glyphs) -> Text:
    return Text(glyphs.dash, style="dim")
