"""Refusing a run that cannot fit into memory before anything is loaded, with a remedy that would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from arena.hardware import free_ram
from arena.training.config import MsgrpoConfig
from arena.training.memory import (
    CPU_ENGINE_CACHE,
    FLOAT_BYTES,
    LONG_PROMPT,
    Estimate,
    ModelShape,
    estimate,
    gigabytes,
    model_shape,
    recomputes,
    weights_dtype,
)
from arena_agents.language.presets import model_source
from arena_agents.server.address import is_address
from arena_games.base import UsageError


def check_memory(config: MsgrpoConfig, *, processes: int = 1) -> None:
    """Look up the model's config and what is free on this machine, shared by `processes`.

    Raises UsageError if the run cannot fit, or the model cannot be found.
    """
    import torch

    from arena_agents.language.model import default_device, load_config

    shape = model_shape(load_config(model_source(config.agent)))
    device, ram = default_device().type, free_ram() // processes
    free, total = torch.cuda.mem_get_info() if device == "cuda" else (ram, ram)
    engine = _engine_share(config, shape, device, total)
    refuse_unless_it_fits(config, shape, device=device, free=free, ram=ram, engine=engine)


def _engine_share(config: MsgrpoConfig, shape: ModelShape, device: str, total: int) -> int | None:
    """Bytes that the engine which draws the replies takes beside the trainer's model."""
    from arena_agents.engines.choose import choose_engine

    if is_address(config.agent) and config.engine in ("auto", "server"):
        return 0
    if choose_engine(config.engine, adapter=config.lora_rank > 0) == "transformers":
        return None
    if device == "cuda":
        return int(config.engine_memory * total)
    return FLOAT_BYTES[weights_dtype(config, device)] * shape.parameters + CPU_ENGINE_CACHE


def refuse_unless_it_fits(
    config: MsgrpoConfig, shape: ModelShape, *, device: str, free: int, ram: int, engine: int | None = None
) -> Estimate:
    """The estimate. Raises UsageError in one line, with a remedy, if `free` or `ram` bytes are too few."""
    needed = estimate(shape, config, device=device, engine=engine)
    if _fits(needed, free, ram):
        return needed
    parts = sorted(needed.parts().items(), key=lambda part: -part[1])
    largest = ", ".join(f"{name} {gigabytes(value)}" for name, value in parts[:3])
    where, has = ("the GPU", free) if device == "cuda" else ("this machine", free)
    if needed.peak <= free:
        where, has, largest = (
            "CPU memory",
            ram,
            ", ".join(f"{n} {gigabytes(v)}" for n, v in needed.ram.items()),
        )
    wanted = needed.ram_peak if where == "CPU memory" else needed.peak
    raise UsageError(
        f"training {config.agent} needs about {gigabytes(wanted)} ({largest}) and {where} has "
        f"{gigabytes(has)} free; {_remedy(config, shape, device, free, ram, engine)}"
    )


def _fits(needed: Estimate, free: int, ram: int) -> bool:
    return needed.peak <= free and needed.ram_peak <= ram


def _remedy(
    config: MsgrpoConfig, shape: ModelShape, device: str, free: int, ram: int, engine: int | None
) -> str:
    """The first of the cheaper settings that would fit, as options to add."""
    for changes in cheaper(config, shape):
        smaller = config.model_copy(update=changes)
        if _fits(estimate(shape, smaller, device=device, engine=engine), free, ram):
            return "add " + " ".join(f"--set {key}={value}" for key, value in changes.items())
    return "no setting makes it fit; take a smaller model, such as qwen0.5b or nano"


def cheaper(config: MsgrpoConfig, shape: ModelShape) -> Iterator[dict[str, Any]]:
    """Settings that take less memory, the least intrusive first.

    Recomputing and smaller micro-batches change nothing of what is learned; bfloat16 weights and an
    adapter instead of all weights do.
    """
    first = {} if recomputes(config, shape.parameters) else {"gradient_checkpointing": "on"}
    adapters: list[dict[str, Any]] = [{"dtype": "bfloat16"}]
    if config.lora_rank == 0:
        adapters = [{"lora_rank": 16}, {"lora_rank": 16, "dtype": "bfloat16"}]
    for last in ({}, *adapters):
        if first or last:
            yield {**first, **last}
        for tokens in _smaller_batches(config):
            yield {**first, **tokens, **last}


def _smaller_batches(config: MsgrpoConfig) -> Iterator[dict[str, int]]:
    """Smaller micro-batches, then smaller rollouts too."""
    halved = config.micro_tokens
    while (halved := halved // 2) >= LONG_PROMPT:
        yield {"micro_tokens": halved}
    smallest, halved = min(config.micro_tokens, 2 * LONG_PROMPT), config.rollout_tokens
    while (halved := halved // 2) >= LONG_PROMPT:
        yield {"micro_tokens": smallest, "rollout_tokens": halved}
