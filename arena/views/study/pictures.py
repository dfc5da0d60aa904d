"""Learning curves over trainings: the mean, a band from the lowest to the highest, the best one dashed."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from arena.study.result import CurveBand, StudyResult

ALONG = {"steps": "update", "learned_from": "episodes learned from", "played": "episodes played"}


def curves_svg(result: StudyResult, metric: str = "success", along: str = "learned_from") -> str | None:
    """One panel a game, one colour an arm, as SVG; None without curves."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = [curve for curve in result.curves if curve.metric == metric]
    if not curves:
        return None
    games = list(dict.fromkeys(curve.game for curve in curves))
    with pyplot.rc_context({"svg.hashsalt": "arena", "text.parse_math": False}):
        figure, panels = pyplot.subplots(
            1, len(games), figsize=(max(7, 4.5 * len(games)), 3.8), squeeze=False, layout="constrained"
        )
        for panel, game in zip(panels[0], games, strict=True):
            _panel(panel, [curve for curve in curves if curve.game == game], along)
            panel.set_title(game)
            panel.set_xlabel(ALONG[along])
        panels[0][0].set_ylabel(f"held-out {metric}")
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    return drawn.getvalue()


def _panel(panel: Any, curves: Sequence[CurveBand], along: str) -> None:
    for number, curve in enumerate(curves):
        colour, at = f"C{number}", getattr(curve, along)
        panel.plot(at, curve.mean, color=colour, label=f"{curve.name} ({curve.seeds})")
        panel.fill_between(at, curve.low, curve.high, color=colour, alpha=0.15, lw=0)
        panel.plot(at, curve.best, color=colour, lw=0.9, ls="--")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
