"""`arena train --help-settings` and `arena config`: what can be set, and a file to set it in."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.training.known_settings import Setting, config_class, settings_of, settings_toml


def show_settings(agent: str | None, *, teaching: bool = False, as_json: bool = False) -> None:
    """Print every setting of the trainer of `agent`, or of teaching by example."""
    kind = config_class(agent, teaching=teaching)
    settings = settings_of(kind)
    if as_json:
        print(json.dumps([asdict(setting) for setting in settings], indent=2))
        return
    console = Console()
    console.print(_table(settings))
    other = "" if teaching or agent == "dqn" else " With --agent dqn: the settings of DQN."
    console.print(
        Text(
            "\n--set NAME=VALUE sets one, --config FILE.toml many (arena config writes one). A model's "
            f"preset goes before a default; a run's config.json holds what it was run with.{other}"
        )
    )


def _table(settings: list[Setting]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "default"):
        table.add_column(heading, no_wrap=True)
    for heading in ("type, range", "meaning"):
        table.add_column(heading, overflow="fold")
    for setting in settings:
        values = f"{setting.type}{', ' if setting.range else ''}{setting.range}"
        table.add_row(Text(setting.name), Text(shown_default(setting)), Text(values), Text(setting.meaning))
    return table


def shown_default(setting: Setting) -> str:
    """A default in one word: `(needed)` where there is none."""
    if setting.required:
        return "(needed)"
    return "none" if setting.default in (None, (), {}) else str(setting.default)


def show_config(game: str, agent: str, teacher: str | None, settings: list[str]) -> None:
    """Print a commented file of settings for `arena train`, or for `arena sft` where a teacher is named."""
    from arena.training.settings import new_config, new_sft_config  # loads torch; the list above needs none

    asked = {"game": game, "agent": agent}
    if teacher is not None:
        taught = new_sft_config({**asked, "teacher": teacher}, settings, None)
        print(settings_toml(taught, "arena sft --config THIS-FILE"), end="")
        return
    print(settings_toml(new_config(asked, settings, None), "arena train --config THIS-FILE"), end="")
