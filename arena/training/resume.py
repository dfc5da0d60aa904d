"""Going on with a run: what it may be told anew, and what is refused by name. Nothing is passed over.

More steps extend the run: whatever follows from their number (the learning rate's and ε's fall) is then
stretched over the new one. Settings of the machine hold for as long as the process lasts. Anything else
would make another run of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from arena.machine.files import remove_folder, write_json
from arena.training.config import TrainConfig
from arena.training.layers import resolve
from arena.training.options import TrainOptions
from arena.training.run_folder import RunFolder
from arena.training.settings import layers, stored_config
from arena_agents.language.template import load_template
from arena_agents.registry import is_code as is_agent_code
from arena_games.base import UsageError
from arena_games.registry import is_code as is_game_code

# How a run is computed, not what: none changes its numbers but by rounding.
OF_THE_MACHINE = (
    *("engine", "engine_memory", "tensor_parallel", "micro_tokens", "rollout_tokens"),
    *("gradient_checkpointing", "loggers", "hours"),
)
TEMPLATE = "template.txt"


def resumed_config(run: RunFolder, options: TrainOptions) -> TrainConfig:
    """The config with which the run goes on; more steps are stored with it.

    Raises UsageError for anything that it was started without, by name.
    """
    _check_folder(run, options.out)
    stored = stored_config(run)
    asked = layers(options.named(), options.settings, options.config_file)
    if not options.trust:
        refuse_code(run.path, stored.model_dump(), asked)
    config = resolve(type(stored), stored.model_dump(), asked)
    changed = [name for name in type(stored).model_fields if getattr(config, name) != getattr(stored, name)]
    _check_changes(run, stored, config, set(changed) - {"steps", *OF_THE_MACHINE})
    _check_template(run, options.template)
    if config.steps != stored.steps:
        _extend(run, stored, config.steps)
    return config


def _check_folder(run: RunFolder, out: Path | str | None) -> None:
    if out is not None and Path(out).resolve() != run.path.resolve():
        raise UsageError(f"--resume goes on in {run.path}; leave --out {quote(str(out))} out")


def refuse_code(path: Path, stored: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    """Raises UsageError for what stored settings name that would be imported, unless it is `named` again."""
    games = filter(is_game_code, _texts(stored, "game"))
    agents = filter(is_agent_code, _texts(stored, "agent", "opponents", "teacher", "anchors"))
    code = sorted({*games, *agents}.difference(_texts(named, *named)))
    if code:
        raise UsageError(
            f"{path} names {', '.join(code)}, which is Python code; if you trust it, add --trust"
        )


def _texts(settings: Mapping[str, Any], *names: str) -> Iterator[str]:
    """The texts among the values of these settings, those in lists too."""
    for value in map(settings.get, names):
        several = value if isinstance(value, list | tuple) else [value]
        yield from (one for one in several if isinstance(one, str))


def _check_changes(run: RunFolder, stored: TrainConfig, config: TrainConfig, names: Iterable[str]) -> None:
    for name in sorted(names):
        was, asked = getattr(stored, name), getattr(config, name)
        raise UsageError(
            f"{run.path} was started with {name}={_plain(was)} and goes on with it; leave "
            f"{name}={_plain(asked)} out, or start another run with it"
        )


def _plain(value: Any) -> str:
    return str(value)


def _check_template(run: RunFolder, template: Path | None) -> None:
    if template is None:
        return
    own = run.path / TEMPLATE
    if load_template(template).text() != load_template(own if own.exists() else None).text():
        raise UsageError(
            f"{run.path} was started with another template and goes on with it; leave "
            f"--template {quote(str(template))} out, or start another run with it"
        )


def _extend(run: RunFolder, stored: TrainConfig, steps: int) -> None:
    """Let the run have so many steps; raises UsageError if it has done more."""
    done = run.latest_checkpoint()
    if done is not None and steps < done[0]:
        raise UsageError(f"{run.path} has done {done[0]} steps; with --resume name {done[0]} or more")

    def write() -> None:
        # In this order: killed in between, the run is the old one, and its checkpoint holds `last`.
        remove_folder(run.path / "last")
        change = {"after": done[0] if done else 0, "from": stored.steps, "to": steps}
        environment = run.environment()
        extended = [*environment.get("extended", []), change]
        write_json(run.path / "environment.json", environment | {"extended": extended})
        run.write_config(stored.model_copy(update={"steps": steps}))

    run.team.by_first(write)
