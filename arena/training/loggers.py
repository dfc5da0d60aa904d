"""TensorBoard, Weights & Biases and trackio, where they are installed and asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arena.training.config import TrainConfig
from arena.training.run_folder import RunFolder
from arena_games.base import UsageError

Logger = Callable[[dict[str, Any]], None]


def open_loggers(config: TrainConfig, run: RunFolder) -> list[Logger]:
    """One function a logger that is told every row. Raises UsageError for one not installed."""
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

    return log


def _wandb(config: TrainConfig, run: RunFolder) -> Logger:
    try:
        import wandb
    except ImportError as error:
        raise UsageError("loggers: wandb is not installed; pip install wandb") from error
    session = wandb.init(
        project="tmsg-arena", name=run.path.name, dir=run.path, config=config.model_dump(), resume="allow"
    )
    return lambda row: session.log(_numbers(row), step=row["step"])


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
    return lambda row: session.log(_numbers(row), step=row["step"])


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if isinstance(value, int | float) and name != "step"}


_OPENERS: dict[str, Callable[[TrainConfig, RunFolder], Logger]] = {
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
