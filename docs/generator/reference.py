"""Pages that are made from the code: the command line, settings, JSON shapes, the Python API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

import arena
from arena.cli.app import app
from arena.training.config import TrainConfig
from arena.training.dqn.config import PRESETS as DQN_PRESETS
from arena.training.dqn.config import DqnConfig
from arena.training.known_settings import MsgrpoConfig, settings_of
from arena.training.settings import NANO, NANO_LONG, NANO_SHORT
from arena.training.sft.config import NANO as SFT_NANO
from arena.training.sft.config import SftConfig
from arena.views.settings import shown_default

TABLES: tuple[tuple[str, type[TrainConfig]], ...] = (
    ("`arena train`: MS-GRPO", MsgrpoConfig),
    ("`arena sft`: teaching by example", SftConfig),
    ("`arena train --agent dqn`: double DQN", DqnConfig),
)
# What prints JSON, shown on a tournament of eight matches.
SHOWN = (
    ("arena leaderboard runs/t --json", "lists cut to their first entry"),
    ("arena eval random --games frozen-lake --episodes 20 --json", ""),
    ("arena list games --json", "lists cut to their first entry"),
    ("arena list runs --json", ""),
    ("arena replay runs/t --json", "lists cut to their first entry"),
    ("arena replay runs/t 1 --json", "lists cut to their first entry"),
    ("arena verify runs/t --json", ""),
    ("arena check-game frozen-lake --episodes 2 --json", "lists cut to their first entry"),
    ("arena train --help-settings --json", "lists cut to their first entry"),
)
TOURNAMENT = "tournament --games frozen-lake --agents random,search --matches 4 --out runs/t"
# Of the page's headings: a name as `arena` has it, wherever it is defined.
OPTIONS = "    options:\n      heading_level: 3\n      heading: {name}\n      toc_label: {name}\n"
API = (
    ("Play", ("Match", "MatchConfig", "play", "Episode", "Step", "EndReason", "evaluate", "EvalRow")),
    ("Games and agents", ("find_game", "GameSpec", "make_agent", "Agent", "Observation", "Reply")),
    ("Rank", ("Tournament", "run_tournament", "leaderboard", "Leaderboard", "MatchResult", "Store")),
    ("Train", ("train", "sft")),
    ("What goes wrong", ("UsageError",)),
)


def pages() -> dict[str, str]:
    """The pages by their places on the site."""
    return {
        "reference/cli.md": command_line(),
        "reference/settings.md": settings(),
        "reference/json.md": json_shapes(),
        "reference/api.md": api(),
    }


def line(text: object) -> str:
    """A table's cell on one line, whose bars are no borders."""
    return " ".join(str(text).split()).replace("|", "\\|")


def cell(text: object) -> str:
    """The same, for words that are no markup: square brackets are no links, angles no elements."""
    return re.sub(r"([\[\]])", r"\\\1", line(text).replace("<", "&lt;"))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def command_line() -> str:
    """Every command with its arguments and options, from the parser."""
    root: Any = get_command(app)
    context = root.make_context("arena", [], resilient_parsing=True)
    parts = [
        "# The command line\n",
        "Made from the parser. `arena COMMAND --help` says the same. `arena --install-completion` makes the "
        "shell complete commands, options, games, agents and runs.\n",
        "Exit statuses: 0 all is well, 1 something was found or left undone, 2 one line on stderr says what "
        "to put right, 130 interrupted.\n",
    ]
    for name, command in root.commands.items():
        parts += [f"## arena {name}\n", f"{command.help}\n", parameters(name, command, context)]
    return "\n".join(parts)


def parameters(name: str, command: Any, root: Any) -> str:
    """A command's usage, and a table of what it takes."""
    context = type(root)(command, info_name=name, parent=root)
    usage = " ".join(command.collect_usage_pieces(context))
    records = [one.get_help_record(context) for one in command.get_params(context) if one.name != "help"]
    rows = [(f"`{line(taken)}`", cell(said)) for taken, said in filter(None, records)]
    text = f"```text\narena {name} {usage}\n```\n"
    return f"{text}\n{table(('', 'what it is'), rows)}" if rows else text


def settings() -> str:
    """Every setting of every trainer, from the config classes, and the presets."""
    parts = [
        "# Settings\n",
        "Made from the config classes; `arena train --help-settings` prints the same. Later layers win: "
        "defaults, a model's or game's preset, a file (`--config FILE.toml`, written by `arena config`), "
        "`--set NAME=VALUE`, and options of their own such as `--steps`. A run's `config.json` holds what it "
        "was run with.\n",
    ]
    for title, kind in TABLES:
        rows = [
            (f"`{one.name}`", cell(shown_default(one)), cell(one.type), one.range, cell(one.meaning))
            for one in settings_of(kind)
        ]
        parts += [f"## {title}\n", table(("setting", "default", "type", "range", "meaning"), rows)]
    return "\n".join([*parts, presets()])


def presets() -> str:
    """What goes before the defaults."""
    named = {
        "nano, games of up to 15 turns": {**NANO, **NANO_SHORT},
        "nano, longer games": {**NANO, **NANO_LONG},
        "nano, taught by example": SFT_NANO,
        **{f"dqn on {game}": preset for game, preset in DQN_PRESETS.items()},
    }
    rows = [
        (who, ", ".join(f"`{key}={value}`" for key, value in what.items())) for who, what in named.items()
    ]
    return f"## Presets\n\n{table(('who', 'settings'), rows)}"


def json_shapes() -> str:
    """What the commands that print JSON print, shown by running them."""
    parts = [
        "# JSON shapes\n",
        "Every command that shows a table prints it as JSON with `--json`. These are real outputs, lists "
        "shortened where it says so; rates and scores are shares from 0 to 1, unknown values `null`.\n",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        run(TOURNAMENT, Path(scratch))
        for command, note in SHOWN:
            shown = json.loads(run(command.removeprefix("arena "), Path(scratch)))
            text = json.dumps(shortened(shown) if note else shown, indent=2)
            said = f"\n{note[0].upper()}{note[1:]}.\n" if note else ""
            parts.append(f"## `{command}`\n{said}\n```json\n{text}\n```\n")
    return "\n".join(parts)


def run(arguments: str, folder: Path) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "arena", *arguments.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def shortened(value: Any) -> Any:
    """The same with only the first entry of each list of objects."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shortened(value[0])]
    return value


def api() -> str:
    """The public names, from their docstrings."""
    grouped = {name for _, names in API for name in names}
    missing = set(arena.__all__) - grouped - {"__version__"}
    if missing:
        raise ValueError(f"the page of the API leaves out {sorted(missing)}")
    parts = [
        "# Python\n",
        "`arena.__all__` is what programs may rely on; everything else may move. `import arena` loads "
        "neither torch nor numpy: a name's module is imported when the name is first used. All of it is "
        "typed (`py.typed`).\n",
    ]
    for title, names in API:
        parts.append(f"## {title}\n")
        parts += [f"::: {home(name)}\n{OPTIONS.format(name=name)}" for name in names]
    return "\n".join(parts)


def home(name: str) -> str:
    """Where a public name is defined."""
    found = getattr(arena, name)
    return f"{found.__module__}.{found.__qualname__}"
