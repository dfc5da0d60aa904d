"""The page of a training: how it learned, what it logged, what it was told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.dqn.config import DqnConfig
from arena.training.known_settings import settings_of
from arena.training.sft.config import SftConfig
from arena.untrusted import escaped_line, escaped_name, json_in_html
from arena.views.numbers import duration, fixed, percent, thousands
from arena.views.page.facts import version_facts
from arena.views.page.frame import filled, in_both_widths, present
from arena.views.page.sampled import sampled_archive
from arena.views.page.training import Look, TrainingData
from arena.views.page.training_plots import PANELS, lines_plot, panel_plot, progress_plot

SCRIPTS = ("sort.js",)
KINDS: Mapping[str, type[TrainConfig]] = {
    kind.ALGORITHM: kind for kind in (MsgrpoConfig, DqnConfig, SftConfig)
}
MOST_LOOKS = 300  # rows of the table
LONGEST_VALUE = 200  # characters of a setting


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as the page shows it; `default` is None where it is unknown, or must be given."""

    name: str
    value: str
    default: str | None
    meaning: str
    differs: bool


def render_training(run: TrainingData) -> str:
    """The page. The same run gives the same page, byte by byte."""
    logged, settings, looks = panels(run), settings_of_run(run), listed(run.looks)
    replays = sampled_archive(run.episodes)
    shown = bool(replays["matches"])
    return filled(
        "training.html.jinja",
        (*SCRIPTS, "replay.js") if shown else SCRIPTS,
        run=run,
        title=f"{escaped_name(run.text('agent'))} on {escaped_name(run.text('game'))}",
        skip="Skip to the learning curve",
        sections=present(
            ("curve", "Learning curve", True),
            ("looks", "Held-out episodes", looks),
            ("replays", "Replays", shown),
            ("logged", "What was logged", logged),
            ("league", "League", run.payoffs),
            ("settings", "Settings", True),
            ("versions", "Versions", run.environment),
        ),
        summary=summary(run),
        facts=counts(run),
        progress=in_both_widths(lambda name, width: progress_plot(run, key=f"p-{name}", width=width)),
        looks=looks,
        panels=logged,
        phases=phase_rows(run),
        changed=[row for row in settings if row.differs],
        settings=settings,
        versions=version_facts(run.environment),
        data=Markup(json_in_html(replays)) if shown else None,
    )


def summary(run: TrainingData) -> str:
    """Where the held-out return began and ended, and what the best policy does."""
    looks = run.looks
    if not looks:
        points = run.points("train/return")
        if not points:
            return "No episode has been looked at yet."
        return (
            f"Mean return in training: {fixed(points[0][1], 2)} at first, {fixed(points[-1][1], 2)} at last."
        )
    first, last, best = looks[0], looks[-1], next(look for look in looks if look.best)
    said = f"Mean return on held-out episodes: {fixed(first.mean_return, 2)} at step {first.step:,}"
    if last is not first:
        said += f", {fixed(last.mean_return, 2)} at step {last.step:,}"
    said += f". Its best policy, of step {best.step:,}, returns {fixed(best.mean_return, 2)}"
    if best.success_ci95:
        low, high = best.success_ci95
        said += f" and succeeds in {percent(best.success, 0)} ({100 * low:.0f} – {100 * high:.0f} % at 95 %)"
    return f"{said}.{_backs_in_words(run)}"


def _backs_in_words(run: TrainingData) -> str:
    number = len(run.step_backs)
    return (
        f" It stepped back {'once' if number == 1 else f'{number} times'} after a collapse." if number else ""
    )


def counts(run: TrainingData) -> list[tuple[str, str]]:
    """What kind of training, and how long, as (value, what it is)."""
    episodes, seconds = run.last("episodes"), run.last("seconds")
    planned = run.config.get("steps")
    of = f" of {planned:,}" if isinstance(planned, int) and planned != run.rows[-1]["step"] else ""
    facts = [
        (escaped_name(run.text("algorithm")), "algorithm"),
        (escaped_name(run.text("seed")), "seed"),
        (f"{run.rows[-1]['step']:,}{of}", "steps"),
    ]
    if episodes is not None:
        facts.append((thousands(round(episodes)), "episodes"))
    if seconds is not None:
        facts.append((duration(seconds), "of training"))
    return facts


def listed(looks: Sequence[Look]) -> list[Look]:
    """All looks, or of very many an even choice, and each that is marked."""
    every = -(-len(looks) // MOST_LOOKS)
    return [
        look
        for at, look in enumerate(looks)
        if at % every == 0 or look.best or look.stepped_back or look is looks[-1]
    ]


def panels(run: TrainingData) -> list[dict[str, Any]]:
    """Each panel for which something was logged, with its newest values in words."""
    made = [(panel.title, panel_plot(run, panel, key=f"panel-{at}")) for at, panel in enumerate(PANELS)]
    made.append(("Seconds a step, by phase", lines_plot("Seconds a step", run.phases, key="panel-phases")))
    return [{"title": title, "plot": Markup(svg)} for title, svg in made if svg]


def phase_rows(run: TrainingData) -> list[tuple[str, float, float]]:
    """Each phase with its seconds in all and its share of them, the longest first."""
    totals = {name: sum(value for _, value in points) for name, points in run.phases.items()}
    whole = sum(totals.values())
    rows = sorted(totals.items(), key=lambda pair: -pair[1])
    return [(name, seconds, seconds / whole) for name, seconds in rows]


def settings_of_run(run: TrainingData) -> list[SettingRow]:
    """What the run was told, in the order in which it is stored, beside what holds without it."""
    kind = KINDS.get(run.text("algorithm"))
    known = {setting.name: setting for setting in settings_of(kind)} if kind else {}
    rows = []
    for name, value in run.config.items():
        if name in ("algorithm", "version"):
            continue
        setting = known.get(name)
        default = None if setting is None or setting.required else _text(setting.default)
        text = _text(value)
        differs = setting is not None and text != default
        rows.append(SettingRow(name, text, default, setting.meaning if setting else "", differs))
    return rows


def _text(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escaped_line(text, LONGEST_VALUE)
