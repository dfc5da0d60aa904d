"""Refusing a run that cannot fit into memory before anything is loaded, with a remedy that would."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from arena.machine.hardware import free_ram
from arena.training.config import LanguageConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.memory.estimate import (
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
from arena_agents.presets import model_source
from arena_games.base import UsageError

Config = TypeVar("Config", bound=LanguageConfig)


@dataclass(frozen=True, slots=True)
class Available:
    """What one process has: bytes free on its `device`, `cuda` or `cpu`, and of CPU memory (`ram`).

    The rest is as in `estimate`: what the engine takes, over how many devices the weights are spread.
    """

    device: str
    free: int
    ram: int
    engine: int | None = None
    shards: int = 1
    here: int = 1

    def needed(self, shape: ModelShape, config: LanguageConfig) -> Estimate:
        return estimate(
            shape, config, device=self.device, engine=self.engine, shards=self.shards, here=self.here
        )

    def fits(self, shape: ModelShape, config: LanguageConfig) -> bool:
        needed = self.needed(shape, config)
        return needed.peak <= self.free and needed.ram_peak <= self.ram


def check_memory(config: LanguageConfig, team: Team = SOLO, source: str | None = None) -> Estimate:
    """The estimate for one process of the team, by the model's config and what is free on this machine.

    `source` is the model's folder or hub id where it is not the agent that the config names.

    Raises UsageError if the run cannot fit, or the model cannot be found.
    """
    return refuse_unless_it_fits(config, *_shape_and_room(config, team, source))


def in_smaller_batches(config: Config, given: Collection[str], team: Team, source: str) -> Config:
    """The config with micro-batches as small as this machine's memory asks for, if that makes the run fit.

    They change nothing of what is learned. What is among the `given` settings stays as it is. The processes
    of a team ask together, and the first one's memory counts.
    """
    if "micro_tokens" in given:
        return config
    shape, room = _shape_and_room(config, team, source)
    smaller = (config.model_copy(update={"micro_tokens": tokens}) for tokens in _halves(config.micro_tokens))
    fitting = next((made for made in (config, *smaller) if room.fits(shape, made)), config)
    return config.model_copy(update={"micro_tokens": team.gather(fitting.micro_tokens)[0]})


def _shape_and_room(config: LanguageConfig, team: Team, source: str | None) -> tuple[ModelShape, Available]:
    import torch

    from arena_agents.causal_lm.load import default_device, load_config

    shape = model_shape(load_config(source or model_source(config.agent)))
    device, ram = default_device().type, free_ram() // team.here
    free, total = torch.cuda.mem_get_info() if device == "cuda" else (ram, ram)
    engine = _engine_bytes(config, shape, device, total)
    shards = team.size if team.sharded else 1
    return shape, Available(device, free, ram, engine, shards, team.here)


def _engine_bytes(config: LanguageConfig, shape: ModelShape, device: str, total: int) -> int | None:
    """Bytes that the engine which draws the replies takes beside the trainer's model."""
    from arena_agents.engines.choose import choose_engine

    if config.served:
        return 0
    source = model_source(config.agent)
    if choose_engine(config.engine, source, adapter=config.lora_rank > 0) == "transformers":
        return None
    if device == "cuda":
        return int(config.engine_memory * total)
    return FLOAT_BYTES[weights_dtype(config, device)] * shape.parameters + CPU_ENGINE_CACHE


def refuse_unless_it_fits(config: LanguageConfig, shape: ModelShape, available: Available) -> Estimate:
    """The estimate. Raises UsageError in one line, with a remedy, if too little is available."""
    needed = available.needed(shape, config)
    if available.fits(shape, config):
        return needed
    if needed.peak <= available.free:
        where, has, wanted, parts = "CPU memory", available.ram, needed.ram_peak, dict(needed.ram)
    else:
        where = "the GPU" if available.device == "cuda" else "this machine"
        has, wanted, parts = available.free, needed.peak, needed.parts()
    largest = sorted(parts.items(), key=lambda part: -part[1])[:3]
    raise UsageError(
        f"training {config.agent} needs about {gigabytes(wanted)} "
        f"({', '.join(f'{name} {gigabytes(value)}' for name, value in largest)}) and {where} has "
        f"{gigabytes(has)} free; {_remedy(config, shape, available)}"
    )


def _remedy(config: LanguageConfig, shape: ModelShape, available: Available) -> str:
    """The first of the cheaper settings that would fit, as options to add; else who could play instead."""
    for changes in cheaper(config, shape):
        if available.fits(shape, config.model_copy(update=changes)):
            return f"add{_options(changes)}"
    served = replace(available, engine=0)
    for changes in ({}, *cheaper(config, shape)) if available.engine != 0 else ():
        smaller = config.model_copy(update=changes)
        if smaller.lora_rank and served.fits(shape, smaller):
            return (
                "let a vLLM server on other GPUs play: "
                f"--agent {config.agent}@http://HOST:8000/v1{_options(changes)}"
            )
    return "no setting makes it fit; take a smaller model, such as qwen0.5b or nano"


def _options(changes: Mapping[str, Any]) -> str:
    return "".join(f" --set {key}={value}" for key, value in changes.items())


def cheaper(config: LanguageConfig, shape: ModelShape) -> Iterator[dict[str, Any]]:
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


def _smaller_batches(config: LanguageConfig) -> Iterator[dict[str, int]]:
    """Smaller micro-batches, then smaller rollouts too."""
    for tokens in _halves(config.micro_tokens):
        yield {"micro_tokens": tokens}
    smallest = min(config.micro_tokens, 2 * LONG_PROMPT)
    for tokens in _halves(config.rollout_tokens):
        yield {"micro_tokens": smallest, "rollout_tokens": tokens}


def _halves(tokens: int) -> Iterator[int]:
    """Half of it, and again, as long as a long prompt has room."""
    while (tokens := tokens // 2) >= LONG_PROMPT:
        yield tokens
