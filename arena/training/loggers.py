"""TensorBoard, Weights & Biases and trackio, where they are installed and asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from arena.training.config import TrainConfig
from arena.training.episode_table import COLUMNS, as_code, markdown_table, table_rows
from arena.training.run_folder import RunFolder
from arena.training.sampled import SampledEpisode
from arena_games.base import UsageError

TABLE = "sampled_episodes"  # its name in each logger; `episodes` is how many were played


@dataclass(frozen=True, slots=True)
class Logger:
    """What is told every row of `metrics.jsonl`, and the episodes that an update keeps before its row."""

    log: Callable[[dict[str, Any]], None]
    log_episodes: Callable[[Sequence[SampledEpisode]], None]


def open_loggers(config: TrainConfig, run: RunFolder) -> list[Logger]:
    """Those that the config names. Raises UsageError for one not installed."""
    return [_OPENERS[name](config, run) for name in config.loggers]


def _tensorboard(config: TrainConfig, run: RunFolder) -> Logger:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("loggers: tensorboard is not installed; pip install tensorboard") from error
    writer = SummaryWriter(str(run.path / "tensorboard"))

    def log(row: dict[str, Any]) -> None:
        for name, value in _numbers(row).items():
            writer.add_scalar(name, value, row["step"])
        writer.flush()

    def log_episodes(episodes: Sequence[SampledEpisode]) -> None:
        writer.add_text(TABLE, markdown_table(table_rows(episodes)), episodes[0].step)

    return Logger(log, log_episodes)


def _wandb(config: TrainConfig, run: RunFolder) -> Logger:
    try:
        import wandb
    except ImportError as error:
        raise UsageError("loggers: wandb is not installed; pip install wandb") from error
    session = wandb.init(
        project="tmsg-arena", name=run.path.name, dir=run.path, config=config.model_dump(), resume="allow"
    )

    def log_episodes(episodes: Sequence[SampledEpisode]) -> None:
        table = wandb.Table(columns=list(COLUMNS), data=table_rows(episodes))
        session.log({TABLE: table}, step=episodes[0].step)

    return Logger(lambda row: session.log(_numbers(row), step=row["step"]), log_episodes)


def _trackio(config: TrainConfig, run: RunFolder) -> Logger:
    try:
        import trackio
    except ImportError as error:
        raise UsageError("loggers: trackio is not installed; pip install trackio") from error
    session = trackio.init(
        project="tmsg-arena",
        name=run.path.name,
        config=config.model_dump(mode="json"),
        resume="allow",
        embed=False,
    )

    def log_episodes(episodes: Sequence[SampledEpisode]) -> None:
        table = trackio.Table(columns=list(COLUMNS), data=as_code(table_rows(episodes)))
        session.log({TABLE: table}, step=episodes[0].step)

    return Logger(lambda row: session.log(_numbers(row), step=row["step"]), log_episodes)


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if isinstance(value, int | float) and name != "step"}


_OPENERS: dict[str, Callable[[TrainConfig, RunFolder], Logger]] = {
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
