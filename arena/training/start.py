"""Starting a training run, or going on with one: what `arena train` and `arena sft` call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

from arena.machine.files import FULL_DISK, write_text
from arena.training.config import LanguageConfig, MsgrpoConfig, TrainConfig
from arena.training.distributed.team import Team, join_team, said_once
from arena.training.dqn.config import DqnConfig
from arena.training.language.start import copy_start, start_policy, start_source
from arena.training.league.place import NOTHING_AROUND, Around
from arena.training.loggers import open_loggers
from arena.training.memory.fit import in_smaller_batches
from arena.training.options import SftOptions, TrainOptions
from arena.training.reporter import Show, silently
from arena.training.resume import TEMPLATE, resumed_config
from arena.training.run_folder import RunFolder, held
from arena.training.settings import layers, new_config, new_sft_config
from arena.training.sft.config import SftConfig
from arena.training.sft.teacher import Recorded, nothing_recorded
from arena.training.threads import set_threads
from arena.untrusted import slug
from arena_agents.address import is_address
from arena_agents.engines.choose import choose_engine
from arena_agents.language.template import load_template
from arena_agents.presets import model_source
from arena_games.base import UsageError

__all__ = ["OnStep", "train"]

Config = TypeVar("Config", bound=TrainConfig)
# Told each row of metrics.
OnStep = Callable[[dict[str, Any]], None]


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
    around: Around = NOTHING_AROUND,
) -> Path:
    """Train and return the run's folder. Raises UsageError for anything the user can put right.

    `settings` are those of `--set`, as `KEY=VALUE` or as a mapping. `on_step` is called with each row of
    metrics as it is logged; an exception of its own ends the run, which can be resumed. A run that is
    resumed may be given more steps and settings of the machine (see `arena.training.resume`); Python files
    and modules that its config names are run with `trust` only.
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
    return start(options, show=show, on_step=on_step, around=around)


def start(
    options: TrainOptions,
    *,
    show: Show = silently,
    on_step: OnStep | None = None,
    recorded: Recorded = nothing_recorded,
    around: Around = NOTHING_AROUND,
) -> Path:
    """As `train` or `sft`, for what the command line asks."""
    team = join_team()
    with said_once(team):
        begin = _new if options.resume is None else _resumed
        with begin(options, team) as (config, run), _full_disk_told(config, run):
            _run(config, run, show, on_step, recorded, around)
    return run.path


@contextmanager
def _resumed(options: TrainOptions, team: Team) -> Iterator[tuple[TrainConfig, RunFolder]]:
    """The run to go on with, held for as long as it is trained."""
    path = Path(str(options.resume))
    RunFolder.open(path)
    with held(path, team):
        run = RunFolder.open(path, team)
        team.by_first(run.mend)
        config, run.team = settle(resumed_config(run, options), team)
        set_threads(run.environment().get("threads"))
        yield config, run


@contextmanager
def _new(options: TrainOptions, team: Team) -> Iterator[tuple[TrainConfig, RunFolder]]:
    """A new run; nothing is left of one that cannot begin, for a reason that a user can put right."""
    config, team = settle(_new_config(options), team)
    if isinstance(config, LanguageConfig):
        given = layers(options.named(), options.settings, options.config_file)
        config = in_smaller_batches(config, given.keys(), team, start_source(config.agent))
    words = None if options.template is None else load_template(options.template).text()
    path = Path(options.out or Path("runs") / _name(options, config))
    team.by_first(lambda: path.mkdir(parents=True, exist_ok=True))
    with held(path, team):
        run = RunFolder.create(path, config, lambda path: _fill(path, config, words), team)
        try:
            yield config, run
        except UsageError:
            run.discard_unstarted()
            raise


def _new_config(options: TrainOptions) -> TrainConfig:
    make: Callable[..., TrainConfig] = new_sft_config if isinstance(options, SftOptions) else new_config
    return make(options.named(), options.settings, options.config_file)


def _name(options: TrainOptions, config: TrainConfig) -> str:
    """What a run is called that was given no folder."""
    agent = slug(Path(config.agent).resolve().name if Path(config.agent).is_dir() else config.agent)
    return f"{agent}-{slug(config.game)}{'-sft' if isinstance(options, SftOptions) else ''}-{config.seed}"


def _fill(path: Path, config: TrainConfig, words: str | None) -> None:
    """Put the policy to go on from, if any, and the words around an observation into a run's folder."""
    policy = start_policy(config.agent) if isinstance(config, LanguageConfig) else None
    if policy is not None and isinstance(config, LanguageConfig):
        copy_start(policy, config, path)
        words = words or policy.template
    if words is not None:
        write_text(path / TEMPLATE, words)


@contextmanager
def _full_disk_told(config: TrainConfig, run: RunFolder) -> Iterator[None]:
    """A full disk as one line: a run that has begun goes on from its newest checkpoint."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        command = "arena sft" if isinstance(config, SftConfig) else "arena train"
        begun = run.metrics_file.path.exists()
        how = f"go on with {command} --resume {quote(str(run.path))}" if begun else "repeat the command"
        raise UsageError(f"no space left for {error.filename or run.path}; free some, then {how}") from error


def _run(
    config: TrainConfig,
    run: RunFolder,
    show: Show,
    on_step: OnStep | None,
    recorded: Recorded,
    around: Around,
) -> None:
    team, stored = run.team, run.path / TEMPLATE
    template = stored if stored.exists() else None
    if team.is_main:
        opened = open_loggers(config, run)
        run.loggers = [*(logger.log for logger in opened), *([on_step] if on_step else [])]
        run.episode_loggers = [logger.log_episodes for logger in opened]
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

            train_msgrpo(config, run, display, template=template, team=team, around=around)
        if around.until is None or run.holds("last"):  # else it is only a turn that has ended
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
