"""The figures of a training's page: its returns and successes, and a small panel of each thing logged.

Long runs are drawn as the means of so many steps, so that a page does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from matplotlib import rc_context
from matplotlib.ticker import EngFormatter, MaxNLocator

from arena.views.page.plots import DASHES, SERIES, figure_of, legend_of
from arena.views.page.svg import INK, STYLE, to_svg
from arena.views.page.training import Points, TrainingData, interval

MOST_POINTS = 240  # of a line
ROUNDING = 1e-12
PANEL = 300  # CSS pixels of a small panel
PANEL_HEIGHT = 150
BESIDE = 480  # narrower figures set the two panels one below the other


@dataclass(frozen=True, slots=True)
class Panel:
    """A small figure: what it is called, and what it shows of each metric."""

    title: str
    metrics: Mapping[str, str]  # metric → its name in the legend


PANELS = (
    Panel("KL to the policy sampled from", {"kl": "KL"}),
    Panel("KL to the policy it began as", {"ref_kl": "KL"}),
    Panel("Entropy, nats a token", {"entropy": "entropy"}),
    Panel("Entropy of actions", {"action_entropy": "entropy"}),
    Panel("Share of tokens clipped", {"clip_fraction": "clipped"}),
    Panel("Share of replies invalid", {"invalid_rate": "training", "eval/invalid_rate": "held-out"}),
    Panel("Mean advantage of what was kept", {"mean_kept_advantage": "advantage"}),
    Panel("Share of groups that inform", {"informative_groups": "groups"}),
    Panel("Loss", {"loss": "loss"}),
    Panel("Mean Q", {"q_mean": "Q"}),
    Panel("ε of exploration", {"epsilon": "ε"}),
    Panel("Norm of the gradient", {"grad_norm": "norm"}),
    Panel(
        "Mismatch of engine and trainer",
        {"engine_mismatch": "mismatch", "off_policy": "an update behind"},
    ),
    Panel("Share of tokens masked", {"masked": "masked"}),
    Panel("Loss of the critic", {"critic_loss": "loss"}),
    Panel("Weight of the entropy", {"entropy_coef": "weight"}),
    Panel("Rating in the league", {"rating": "rating"}),
    Panel("Tokens a second", {"tokens_per_s": "tokens/s"}),
)


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """At most so many points: means of equally many neighbours, each at the last of their steps."""
    width = -(-len(points) // most)
    if width <= 1:
        return points
    parts = (points[at : at + width] for at in range(0, len(points), width))
    return tuple((part[-1][0], fmean(value for _, value in part)) for part in parts)


def told(points: Points) -> Points:
    """The same, but for what is no more than a sum's rounding error: that is 0."""
    return tuple((step, 0.0 if abs(value) < ROUNDING else value) for step, value in points)


def progress_plot(run: TrainingData, *, key: str, width: int) -> str:
    """Return and success, in training and on held-out episodes, as SVG."""
    beside = width >= BESIDE
    with rc_context(STYLE):
        figure = figure_of(width, 300 if beside else 470)
        panels = figure.subplots(1, 2) if beside else figure.subplots(2, 1)
        for panel, metric, title in zip(
            panels, ("return", "success"), ("Mean return", "Success"), strict=True
        ):
            _progress(panel, run, metric, title)
        legend_of(figure, panels, 4 if beside else 2)
        figure.set_layout_engine("constrained", h_pad=0.08, hspace=0.06)
        figure.supxlabel("step", color=INK["muted"], fontsize=13)
    return to_svg(figure, key=key, label=f"Return and success by step. {ends_in_words(run)}")


def _progress(panel: Any, run: TrainingData, metric: str, title: str) -> None:
    if train := thinned(run.points(f"train/{metric}")):
        panel.plot(*zip(*train, strict=True), color=INK["series-6"], linewidth=1, label="training")
    if held_out := thinned(run.points(f"eval/{metric}")):
        steps, values = zip(*held_out, strict=True)
        marker = "o" if len(steps) <= 40 else None
        panel.plot(
            steps, values, color=INK["accent"], linewidth=2, marker=marker, markersize=4.5, label="held-out"
        )
        if metric == "success" and run.held_out_episodes:
            lows, highs = zip(*(interval(value, run.held_out_episodes) for value in values), strict=True)
            if len(steps) == 1:  # a band between one step and itself is not seen
                panel.vlines(steps, lows, highs, color=INK["accent"], alpha=0.5, label="95 % interval")
            else:
                panel.fill_between(
                    steps, lows, highs, color=INK["accent"], alpha=0.15, linewidth=0, label="95 % interval"
                )
    _mark_step_backs(panel, run)
    if metric == "success":
        panel.set_ylim(-0.03, 1.03)
    _dress(panel)
    panel.set_title(title)


def _mark_step_backs(panel: Any, run: TrainingData) -> None:
    for number, step in enumerate(run.step_backs):
        label = None if number else "stepped back"
        panel.axvline(step, color=INK["series-2"], linewidth=1.2, linestyle="--", label=label)


def panel_plot(run: TrainingData, panel: Panel, *, key: str) -> str:
    """What was logged of a panel's metrics, as SVG; empty where nothing was."""
    if "ref_kl" in panel.metrics and not run.config.get("beta"):
        return ""  # no reference was held
    lines = {label: run.points(metric) for metric, label in panel.metrics.items()}
    band = _between(run) if "rating" in panel.metrics else None
    return lines_plot(panel.title, lines, key=key, band=band)


def _between(run: TrainingData) -> tuple[Points, Points]:
    """The ends of the ratings' intervals; an open one as far as anything is known."""
    rated = [step for step, _ in run.points("rating")]
    known = [dict(run.points(end)) for end in ("rating_low", "rating_high")]
    all_known = [value for end in ("rating", "rating_low", "rating_high") for _, value in run.points(end)]
    edges = (min(all_known, default=0.0), max(all_known, default=0.0))
    lows, highs = (
        tuple((step, ends.get(step, edge)) for step in rated) for ends, edge in zip(known, edges, strict=True)
    )
    return lows, highs


def lines_plot(
    title: str, lines: Mapping[str, Points], *, key: str, band: tuple[Points, Points] | None = None
) -> str:
    """Lines by step as SVG, with a legend where there are several; empty where there is no point."""
    drawn = {label: thinned(told(points)) for label, points in lines.items() if points}
    if not drawn:
        return ""
    several = len(drawn) > 1
    with rc_context(STYLE):
        figure = figure_of(PANEL, PANEL_HEIGHT + (22 * -(-len(drawn) // 3) if several else 0))
        axis = figure.subplots()
        for number, (label, points) in enumerate(drawn.items()):
            _line(axis, number, label, points)
        if band and all(band) and len(band[0]) == len(band[1]):
            lows, highs = (thinned(points) for points in band)
            axis.fill_between(
                [step for step, _ in lows],
                [value for _, value in lows],
                [value for _, value in highs],
                color=INK["series-1"],
                alpha=0.15,
                linewidth=0,
            )
        _from_zero(axis, drawn.values())
        _dress(axis)
        if several:
            legend_of(figure, [axis], 3)
    return to_svg(figure, key=key, label=f"{title}, by step. {_ends(drawn)}")


def _line(axis: Any, number: int, label: str, points: Points) -> None:
    axis.plot(
        *zip(*points, strict=True),
        color=INK[f"series-{1 + number % SERIES}"],
        linestyle=DASHES[number % len(DASHES)],
        linewidth=1.6,
        marker="o" if len(points) == 1 else None,
        label=label,
    )


def _from_zero(axis: Any, lines: Iterable[Points]) -> None:
    """Draw from zero what is never negative and comes near it; give nothing but zeros a scale."""
    values = [value for points in lines for _, value in points]
    low, high = min(values), max(values)
    if low == high == 0:
        axis.set_ylim(0, 1)
    elif low >= 0 and low < high / 2:
        axis.set_ylim(bottom=0)


def _dress(axis: Any) -> None:
    axis.grid(axis="y", linewidth=0.8)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_locator(MaxNLocator(4))


def ends_in_words(run: TrainingData) -> str:
    """Where each line of the first figure begins and ends."""
    names = {
        "eval/return": "Held-out return",
        "eval/success": "held-out success",
        "train/return": "training return",
        "train/success": "training success",
    }
    found = {name: points for metric, name in names.items() if (points := run.points(metric))}
    return _ends(found) or "Nothing was measured."


def _ends(lines: Mapping[str, Points]) -> str:
    return "; ".join(f"{label} from {_at(points[0])} to {_at(points[-1])}" for label, points in lines.items())


def _at(point: tuple[int, float]) -> str:
    return f"{point[1]:.3g} at step {point[0]}"
