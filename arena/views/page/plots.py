"""The page's figures: ratings with their intervals, and learning curves.

Each is drawn for a width in CSS pixels, so that its letters stay as large as the text around it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from arena.untrusted import escaped_name
from arena.views.curves import Curve
from arena.views.page.svg import INK, STYLE, to_svg
from arena_leaderboard import Rating, Standing
from arena_leaderboard.views.axis import Axis

WIDE, NARROW = 860, 330  # CSS pixels
NAME_ABOVE = 480  # narrower figures set an agent's name above its interval, not beside it
UNITS_PER_INCH = 72
SERIES = 6
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")


def interval_plot(rows: Sequence[Standing], *, key: str, title: str, width: int) -> str:
    """Every rated agent's rating and 95 % interval as SVG, best first; empty if none is rated."""
    rated = [standing for standing in rows if standing.rating]
    if not rated:
        return ""
    above = width < NAME_ABOVE
    with rc_context(STYLE):
        figure = figure_of(width, 46 + len(rated) * (46 if above else 32))
        axis = figure.subplots()
        ends = Axis.around(rated, width)
        for y, standing in enumerate(rated):
            _interval(axis, y, standing, above, ends)
        axis.set_ylim(len(rated) - 0.5, -0.75 if above else -0.5)
        axis.set_yticks(range(len(rated)), [] if above else [escaped_name(row.agent, 28) for row in rated])
        axis.tick_params(axis="y", length=0, labelcolor=INK["ink"])
        axis.spines["left"].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(5 if above else 8, integer=True))
        axis.grid(axis="x", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.set_xlabel("rating, with its 95 % interval")
    return to_svg(figure, key=key, label=f"{title}. {_in_words(rated)}")


def _interval(axis: Any, y: int, standing: Standing, above: bool, ends: Axis) -> None:
    rating = standing.rating
    assert rating is not None
    low, high = max(rating.low, ends.low), min(rating.high, ends.high)
    axis.plot([low, high], [y, y], color=INK["accent"], linewidth=2.5, alpha=0.55)
    for at, open_end, marker in ((low, rating.low, "<"), (high, rating.high, ">")):
        if math.isinf(open_end):
            axis.plot([at], [y], marker, color=INK["accent"], markersize=6)
    axis.plot([rating.mean], [y], "o", color=INK["accent"], markersize=8, markeredgecolor=INK["card"])
    if above:
        axis.text(
            0, y - 0.34, escaped_name(standing.agent, 36), transform=axis.get_yaxis_transform(), va="center"
        )


def _in_words(rated: Sequence[Standing]) -> str:
    return "; ".join(
        f"{escaped_name(row.agent)} {row.rating.mean:.0f}, {_words(row.rating)}"
        for row in rated
        if row.rating
    )


def _words(rating: Rating) -> str:
    low, high = (None if end is None else f"{end:.0f}" for end in rating.ends)
    if low and high:
        return f"from {low} to {high}"
    return f"at least {low}" if low else f"at most {high}" if high else "open"


def curve_plot(curves: Sequence[Curve], *, key: str, width: int) -> str:
    """One panel a game with the mean return against the episodes played, as SVG; empty without curves."""
    games = sorted({curve.game for curve in curves})
    if not games:
        return ""
    styles = _styles(curves)
    columns = min(len(games), max(1, width // 260))
    lines = -(-len(games) // columns)
    legend_columns = max(1, width // 200)
    with rc_context(STYLE):
        figure = figure_of(width, lines * 195 + 30 + 22 * -(-len(styles) // legend_columns))
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for panel, game in zip(panels, games, strict=False):
            _panel(panel, game, [curve for curve in curves if curve.game == game], styles)
        for panel in panels[len(games) :]:
            panel.set_visible(False)
        legend_of(figure, panels, legend_columns)
        figure.set_layout_engine("constrained", h_pad=0.08, hspace=0.06)
        figure.supxlabel("episodes played", color=INK["muted"], fontsize=13)
        figure.supylabel("mean return", color=INK["muted"], fontsize=13)
    return to_svg(figure, key=key, label=f"Learning curves. {_ends_in_words(curves)}")


def _panel(panel: Any, game: str, curves: Sequence[Curve], styles: Mapping[str, dict[str, Any]]) -> None:
    for curve in curves:
        style = styles[curve.agent]
        if curve.training:
            panel.plot(*zip(*curve.training, strict=True), color=style["color"], linewidth=1, alpha=0.4)
        if curve.held_out:
            label = escaped_name(curve.agent, 24)
            panel.plot(*zip(*curve.held_out, strict=True), markersize=4.5, label=label, **style)
    panel.set_title(escaped_name(game, 24))
    panel.grid(axis="y", linewidth=0.8)
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.yaxis.set_major_locator(MaxNLocator(5))


def legend_of(figure: Figure, panels: Iterable[Any], columns: int) -> None:
    """One legend for all panels, each label in it once."""
    labelled = (zip(*panel.get_legend_handles_labels(), strict=True) for panel in panels)
    handles = {label: handle for pairs in labelled for handle, label in pairs}
    figure.legend(handles.values(), handles, loc="outside upper left", ncols=columns)


def _styles(curves: Sequence[Curve]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and marker of each agent, the same in all panels: no two differ by colour alone."""
    agents = sorted({curve.agent for curve in curves})
    return {
        agent: {
            "color": INK[f"series-{1 + i % SERIES}"],
            "linestyle": DASHES[i % len(DASHES)],
            "marker": MARKERS[i % len(MARKERS)],
            "linewidth": 2,
        }
        for i, agent in enumerate(agents)
    }


def _ends_in_words(curves: Sequence[Curve]) -> str:
    return "; ".join(
        f"{escaped_name(curve.agent)} on {escaped_name(curve.game)}: from {curve.held_out[0][1]:.2f} "
        f"to {curve.held_out[-1][1]:.2f} in {curve.episodes:,} episodes"
        for curve in curves
        if curve.held_out
    )


def figure_of(width: int, height: int) -> Figure:
    """An empty figure of that size in CSS pixels, on whatever ground the page has."""
    figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), layout="constrained")
    figure.patch.set_visible(False)
    return figure
