"""Which engine plays for the trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arena.training.distributed.shards import GatheredEngine
from arena.training.memory.estimate import weights_dtype
from arena.training.msgrpo.learner import Learner
from arena_agents.causal_lm.load import default_device
from arena_agents.engines.base import Engine
from arena_agents.engines.choose import choose_engine
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.presets import model_source


def training_engine(learner: Learner, tokenizer: Any, note: Callable[[str], None]) -> Engine:
    """The engine that plays for the trainer; `note` tells a person what takes long.

    Raises UsageError if it cannot be had.
    """
    config = learner.config
    if config.served:
        from arena_agents.engines.vllm_server import load_server_engine

        return load_server_engine(config.agent, lora_rank=config.lora_rank)
    if choose_engine(config.engine, adapter=config.lora_rank > 0) == "transformers":
        if learner.team.sharded:
            return GatheredEngine(
                learner.model, learner.reader, tokenizer, batch_tokens=config.rollout_tokens
            )
        return TransformersEngine(learner.model, tokenizer, batch_tokens=config.rollout_tokens)
    from arena_agents.engines.vllm import VllmEngine, start_llm

    note("starting vllm, which takes a minute")
    in_team = learner.team.size > 1
    llm = start_llm(
        model_source(config.agent),
        dtype=weights_dtype(config, default_device().type),
        memory=config.engine_memory,
        tensor_parallel=config.tensor_parallel,
        lora_rank=config.lora_rank,
        in_team=in_team,
    )
    return VllmEngine(llm, in_team=in_team)
