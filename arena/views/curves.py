"""Learning curves: a training run's metrics, read once; as a picture, as a table of several runs.

The report's page draws them too: `page.plots.curve_plot`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.machine.files import write_bytes, write_output
from arena.training.metrics_file import is_number
from arena.training.run_folder import RunFolder
from arena_games.base import UsageError
from arena_leaderboard import share_ci95

Points = tuple[tuple[int, float], ...]  # (step or episodes played so far, value)


@dataclass(frozen=True, slots=True)
class Curve:
    """What a training run measured: its config, and a row of metrics a step."""

    name: str
    config: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Curve:
        """The curve of the run in `folder`. Raises UsageError if there is none, or it cannot be read."""
        run = RunFolder.open(folder)
        return cls(folder.name, run.config(), run.metrics())

    def points(self, metric: str, along: str = "step") -> Points:
        """A metric along the steps, or the `episodes`, where it was measured."""
        pairs = ((row.get(along), row.get(metric)) for row in self.rows)
        return tuple((int(at), value) for at, value in pairs if is_number(at) and is_number(value))

    @property
    def agent(self) -> str:
        return str(self.config.get("agent", "?"))

    @property
    def game(self) -> str:
        return str(self.config.get("game", "?"))

    @property
    def algorithm(self) -> str:
        return str(self.config.get("algorithm", "?"))

    @property
    def held_out(self) -> Points:
        """The mean return on held-out episodes, by the episodes that it has learned from."""
        return _finite(self.points("eval/return", "episodes"))

    @property
    def training(self) -> Points:
        """The mean return on the episodes that it learned from, by their number."""
        return _finite(self.points("train/return", "episodes"))

    @property
    def episodes(self) -> int:
        """How far it has come."""
        return max((episodes for episodes, _ in (*self.held_out, *self.training)), default=0)

    @property
    def milestones(self) -> tuple[float | None, float | None, float | None]:
        """The first, the highest and the last mean return on held-out episodes."""
        values = [value for _, value in self.held_out]
        return (values[0], max(values), values[-1]) if values else (None, None, None)


def _finite(points: Points) -> Points:
    known = ((int(at), float(value)) for at, value in points)
    return tuple((at, value) for at, value in known if math.isfinite(value))


def learning_curves(folder: Path) -> list[Curve]:
    """The curves under a tournament's folder by game and name, those of trainings under way too."""
    found = (_if_measured(path.parent) for path in sorted((folder / "agents").glob("*/config.json")))
    return sorted((curve for curve in found if curve), key=lambda curve: (curve.game, curve.name))


def _if_measured(folder: Path) -> Curve | None:
    """None for a folder that holds no measured run, or one that cannot be read."""
    try:
        curve = Curve.read(folder)
        return curve if curve.held_out or curve.training else None
    except (UsageError, OSError, ValueError, TypeError, AttributeError):
        return None


def draw_curve(run: RunFolder) -> None:
    """Write `curve.png`: returns in training and on held-out episodes, and held-out success."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curve = Curve.read(run.path)
    figure, (returns, success) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for axis, metric in ((returns, "return"), (success, "success")):
        for kind, label, marker in (("train", "training", None), ("eval", "held-out", "o")):
            if points := curve.points(f"{kind}/{metric}"):
                axis.plot(*zip(*points, strict=True), marker=marker, ms=4, label=label)
    returns.set_title(f"{curve.agent} on {curve.game}, seed {curve.config['seed']}")
    returns.set_ylabel("mean return")
    success.set_ylabel("success rate")
    success.set_xlabel("step")
    success.set_ylim(-0.02, 1.02)
    for axis in (returns, success):
        axis.grid(alpha=0.3)
        axis.legend()
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=120)
    write_bytes(run.path / "curve.png", drawn.getvalue())
    pyplot.close(figure)


def draw_comparison(folders: Sequence[Path], metric: str, path: Path) -> None:
    """Write the runs' metric along the steps as SVG; of a held-out success rate with Wilson's 95 % intervals.

    Beside what was measured on held-out episodes, the same in training is drawn thin.

    Raises UsageError if a folder holds no run.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.hashsalt": "arena"}):
        figure, axis = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
        for number, curve in enumerate(map(Curve.read, folders)):
            colour = f"C{number}"
            if metric.startswith("eval/") and (points := curve.points(metric.replace("eval/", "train/"))):
                axis.plot(*zip(*points, strict=True), color=colour, lw=0.8, alpha=0.5)
            if points := curve.points(metric):
                steps, values = zip(*points, strict=True)
                axis.plot(steps, values, color=colour, marker="o", ms=4, label=curve.name)
                episodes = curve.config.get("eval_episodes")
                if metric == "eval/success" and isinstance(episodes, int) and episodes > 0:
                    shares = (min(max(value, 0.0), 1.0) for value in values)
                    bounds = [share_ci95(round(share * episodes), episodes) for share in shares]
                    lows, highs = zip(*bounds, strict=True)
                    axis.fill_between(steps, lows, highs, color=colour, alpha=0.15, lw=0)
        axis.set_xlabel("step")
        axis.set_ylabel(metric)
        axis.grid(alpha=0.3)
        axis.legend()
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        write_output(path, drawn.getvalue())
        pyplot.close(figure)


def show_comparison(folders: Sequence[Path], metric: str, *, as_json: bool = False) -> None:
    """Print the curves of runs beside each other, as a table or as JSON."""
    if as_json:
        rows = shared_steps(folders, metric)
        points = [
            {"step": step, "values": values, "mean": sum(values) / len(values)} for step, values in rows
        ]
        shown = {"metric": metric, "runs": [str(folder) for folder in folders], "points": points}
        print(json.dumps(shown, indent=2))
        return
    Console().print(comparison(folders, metric))


def shared_steps(folders: Sequence[Path], metric: str) -> list[tuple[int, list[float]]]:
    """The steps at which all runs were measured, ascending, with each run's value.

    Raises UsageError if a folder holds no run, or the runs share no step with this metric.
    """
    curves = [dict(Curve.read(folder).points(metric)) for folder in folders]
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not shared:
        raise UsageError(f"these runs share no step with {metric!r}; try --metric eval/return")
    return [(step, [float(curve[step]) for curve in curves]) for step in shared]


def comparison(folders: Sequence[Path], metric: str) -> Table:
    """One row a step at which all runs were measured, one column a run, and their mean."""
    rows = shared_steps(folders, metric)
    table = Table(box=None, pad_edge=False)
    for header in ("step", *(folder.name for folder in folders), "mean"):
        table.add_column(Text(header), justify="right")
    for step, values in rows:
        table.add_row(str(step), *(f"{value:.3f}" for value in (*values, sum(values) / len(values))))
    return table
