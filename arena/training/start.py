"""Starting a training run, or going on with one: what `arena train` and `arena sft` call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.training.config import (
    LanguageConfig,
    MsgrpoConfig,
    TrainConfig,
    parse_settings,
    read_config_file,
    resolve,
)
from arena.training.distributed.team import Team, join_team, said_once
from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.export.export import Policy
from arena.training.language.start import check_start, copy_start, start_policy, start_settings, start_source
from arena.training.loggers import open_loggers
from arena.training.memory.fit import in_smaller_batches
from arena.training.options import SftOptions, TrainOptions
from arena.training.reporter import Show, silently
from arena.training.run_folder import Config, RunFolder, open_run
from arena.training.sft.config import SftConfig, sft_settings
from arena.training.sft.teacher import Recorded, nothing_recorded
from arena.untrusted import slug
from arena_agents.address import is_address, parse_address
from arena_agents.engines.choose import choose_engine
from arena_agents.presets import PRESETS, model_source
from arena_agents.registry import is_code as is_agent_code
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_games.registry import is_code as is_game_code

__all__ = ["OnStep", "train"]

# Told each row of metrics.
OnStep = Callable[[dict[str, Any]], None]

# What was measured to learn with the built-in model, on validation episodes: all weights rather
# than an adapter, larger steps, no KL penalty. Long games: a mean over episodes lets each step of
# an early death weigh as much as many of a long life, and the policy learns to be careful rather
# than to eat, so every token weighs the same; a step is credited with what follows it; and at a
# constant rate the return stood still, so it falls to almost nothing.
NANO = {"lora_rank": 0, "max_new_tokens": 8, "group_size": 8, "eval_every": 10}
NANO_SHORT = {"groups": 16, "steps": 80, "learning_rate": 3e-4}
NANO_LONG = {
    "groups": 8,
    "steps": 60,
    "learning_rate": 5e-4,
    "final_rate": 0.05,
    "credit": "return_to_go",
    "discount": 0.9,
    "loss_mean": "token",
    "micro_tokens": 4096,
}


KINDS: Mapping[Any, type[TrainConfig]] = {"msgrpo": MsgrpoConfig, "sft": SftConfig, "dqn": DqnConfig}


def agent_settings(agent: str, game: str) -> Mapping[str, Any]:
    """An agent's preset; empty for models that we have not measured."""
    if agent != "nano":
        return {}
    return {**NANO, **(NANO_SHORT if find_game(game).horizon <= 15 else NANO_LONG)}


def train(
    game: str | None = None,
    agent: str | None = None,
    *,
    out: Path | str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    opponents: str | None = None,
    engine: str | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
    config_file: Path | None = None,
    resume: Path | str | None = None,
    template: Path | None = None,
    trust: bool = False,
    show: Show = silently,
    on_step: OnStep | None = None,
) -> Path:
    """Train and return the run's folder. Raises UsageError for anything the user can put right.

    `settings` are those of `--set`, as `KEY=VALUE` or as a mapping. `on_step` is called with each row of
    metrics as it is logged; an exception of its own ends the run, which can be resumed. A run that is
    resumed keeps its config, but for the engine if one is named; Python files and modules that it names are
    run with `trust` only.
    """
    options = TrainOptions(
        game,
        agent,
        out=out,
        seed=seed,
        steps=steps,
        opponents=opponents,
        engine=engine,
        settings=settings,
        config_file=config_file,
        resume=resume,
        template=template,
        trust=trust,
    )
    return start(options, show=show, on_step=on_step)


def start(
    options: TrainOptions,
    *,
    show: Show = silently,
    on_step: OnStep | None = None,
    recorded: Recorded = nothing_recorded,
) -> Path:
    """As `train` or `sft`, for what the command line asks."""
    team = join_team()
    with said_once(team):
        config, run, team = _resumed(options, team) if options.resume is not None else _new(options, team)
    stored = run.path / "template.txt"
    try:
        _run(config, run, stored if stored.exists() else None, team, show, on_step, recorded)
    except UsageError:
        run.discard_unstarted()
        raise
    return run.path


def _resumed(options: TrainOptions, team: Team) -> tuple[TrainConfig, RunFolder, Team]:
    folder = Path(str(options.resume))
    run = open_run(team, folder, lambda: RunFolder.open(folder))
    config = stored_config(run)
    with_code = [] if options.trust else _unnamed_code(config, options)
    if with_code:
        raise UsageError(
            f"{folder} names {', '.join(with_code)}, which is Python code; "
            "if you trust it, add --trust to run it"
        )
    engine = {} if options.engine is None else {"engine": options.engine}
    config, team = settle(resolve(type(config), config.model_dump(), engine), team)
    return config, run, team


def _unnamed_code(config: TrainConfig, options: TrainOptions) -> list[str]:
    """What a stored config names that would be imported, and that the user has not named again."""
    games = {config.game} if is_game_code(config.game) else set()
    agents = {config.agent, config.opponents, getattr(config, "teacher", "dqn")}
    return sorted((games | set(filter(is_agent_code, agents))) - set(map(str, options.named().values())))


def _new(options: TrainOptions, team: Team) -> tuple[TrainConfig, RunFolder, Team]:
    taught = isinstance(options, SftOptions)
    make: Callable[..., TrainConfig] = new_sft_config if taught else new_config
    config, team = settle(make(options.named(), options.settings, options.config_file), team)
    if isinstance(config, LanguageConfig):
        given = _layers(options.named(), options.settings, options.config_file)
        config = in_smaller_batches(config, given.keys(), team, start_source(config.agent))
    agent = slug(Path(config.agent).resolve().name if Path(config.agent).is_dir() else config.agent)
    name = f"{agent}-{slug(config.game)}{'-sft' if taught else ''}-{config.seed}"
    path = Path(options.out or Path("runs") / name)
    return config, open_run(team, path, lambda: _new_run(path, config, options.template)), team


def _new_run(path: Path, config: TrainConfig, template: Path | None) -> RunFolder:
    """The run's folder, with the words around an observation and the policy to go on from, if any."""
    run = RunFolder.create(path, config)
    words = None if template is None else template.read_text(encoding="utf-8")
    policy = start_policy(config.agent) if isinstance(config, LanguageConfig) else None
    if policy is not None and isinstance(config, LanguageConfig):
        copy_start(policy, config, path)
        words = words or policy.template
    if words is not None:
        (path / "template.txt").write_text(words, encoding="utf-8")
    return run


def new_config(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> MsgrpoConfig | DqnConfig:
    """Defaults, the agent's preset, the file, `--set`, and the named options, in this order."""
    asked = _asked(given, settings, config_file, "arena train GAME --agent AGENT")
    if asked["agent"] == "dqn":
        return resolve(DqnConfig, dqn_preset(asked["game"]), asked)
    model, policy = _trainable(str(asked["agent"]))
    start = start_settings(policy) if policy else {}
    config = resolve(MsgrpoConfig, agent_settings(model, asked["game"]), start, asked)
    if policy:
        check_start(policy, config)
    return config


def new_sft_config(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> SftConfig:
    """The same for teaching by example."""
    asked = _asked(given, settings, config_file, "arena sft GAME --agent AGENT --teacher TEACHER", "teacher")
    model, policy = _trainable(str(asked["agent"]))
    start = start_settings(policy) if policy else {}
    start.pop("max_new_tokens", None)  # what is taught is short, whatever was written before
    config = resolve(SftConfig, sft_settings(model), start, asked)
    if policy:
        check_start(policy, config)
    return config


def _layers(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> dict[str, Any]:
    """The file, `--set`, and the named options, the later one winning."""
    file = read_config_file(config_file) if config_file else {}
    file.pop("algorithm", None)
    chosen = settings if isinstance(settings, Mapping) else parse_settings(list(settings))
    return {**file, **chosen, **given}


def _asked(
    given: Mapping[str, Any],
    settings: Sequence[str] | Mapping[str, Any],
    config_file: Path | None,
    usage: str,
    *more: str,
) -> dict[str, Any]:
    """What the user says. Raises UsageError if game, agent, or one `more` is missing, or no such game is."""
    asked = _layers(given, settings, config_file)
    for needed in ("game", "agent", *more):
        if needed not in asked:
            raise UsageError(f"which {needed}? {usage}")
    find_game(asked["game"])
    return asked


def _trainable(agent: str) -> tuple[str, Policy | None]:
    """The model that is trained, and the policy that training goes on from, if one is named."""
    policy = start_policy(agent)
    if policy is not None:
        return policy.base, policy
    model = parse_address(agent).spec if is_address(agent) else agent
    if model not in PRESETS and not model.startswith("hf:"):
        raise UsageError(
            f"cannot train {agent!r}; trainable: dqn, {', '.join(PRESETS)}, hf:MODEL, or the folder of a "
            "trained policy, all but dqn with @URL of a vLLM server if it shall play"
        )
    return model, None


def stored_config(run: RunFolder) -> TrainConfig:
    """The config of an existing run."""
    stored = run.config()
    algorithm = stored.pop("algorithm", None)
    if algorithm not in KINDS:
        raise UsageError(f"{run.path} was made by another version (algorithm {algorithm!r}); train it again")
    return resolve(KINDS[algorithm], stored)


def _run(
    config: TrainConfig,
    run: RunFolder,
    template: Path | None,
    team: Team,
    show: Show,
    on_step: OnStep | None,
    recorded: Recorded,
) -> None:
    if team.is_main:
        run.loggers = [*open_loggers(config, run), *([on_step] if on_step else [])]
    done = run.latest_checkpoint()
    title = f"{config.agent} on {config.game}"
    with (show if team.is_main else silently)(title, done[0] if done else 0, config.steps) as display:
        if isinstance(config, DqnConfig):
            from arena.training.dqn.train import train_dqn

            train_dqn(config, run, display)
        elif isinstance(config, SftConfig):
            from arena.training.sft.train import train_sft

            train_sft(config, run, display, template=template, team=team, recorded=recorded)
        elif isinstance(config, MsgrpoConfig):
            from arena.training.msgrpo.train import train_msgrpo

            train_msgrpo(config, run, display, template=template, team=team)
        display.ended(run)


def settle(config: Config, team: Team) -> tuple[Config, Team]:
    """The config as a team runs it, and the team as it plays by it.

    Every process has an engine of its own, or vLLM one over `tensor_parallel` of them. Raises
    UsageError for what a team cannot do.
    """
    if team.size == 1:
        return config, team
    if not isinstance(config, LanguageConfig):
        raise UsageError(f"{config.agent} is trained by one process; leave accelerate launch out")
    if config.served:
        return config, team
    engine = choose_engine(config.engine, model_source(config.agent), adapter=config.lora_rank > 0)
    together = config.tensor_parallel if engine == "vllm" else 1
    if team.size % together:
        raise UsageError(
            f"{team.size} processes cannot be divided by tensor_parallel={together}; change one of them"
        )
    if together > 1 and is_address(config.opponents):
        raise UsageError(
            "a served opponent may answer the processes of one engine differently; "
            "use --set tensor_parallel=1, or another opponent"
        )
    return config.model_copy(update={"engine": engine}), replace(team, together=together)
