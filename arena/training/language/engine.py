"""Which engine plays for the trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arena.training.distributed.shards import GatheredEngine
from arena.training.language.learner import PolicyLearner
from arena.training.memory.estimate import weights_dtype
from arena_agents.address import parse_addresses, without_address
from arena_agents.causal_lm.load import default_device
from arena_agents.engines.base import Engine
from arena_agents.engines.choose import choose_engine
from arena_agents.engines.transformers import TransformersEngine


def training_engine(learner: PolicyLearner, tokenizer: Any, note: Callable[[str], None]) -> Engine:
    """The engine that plays for the trainer; `note` tells a person what takes long.

    Raises UsageError if it cannot be had.
    """
    config = learner.config
    if config.served:
        from arena_agents.engines.several import load_server_engines

        urls = [address.url for address in parse_addresses(config.agent)]
        served = f"{without_address(learner.start.base)}@{','.join(urls)}"
        return load_server_engines(served, lora_rank=config.lora_rank)
    source = learner.start.source
    if choose_engine(config.engine, source, adapter=config.lora_rank > 0) == "transformers":
        if learner.team.sharded:
            return GatheredEngine(
                learner.model, learner.reader, tokenizer, batch_tokens=config.rollout_tokens
            )
        return TransformersEngine(learner.model, tokenizer, batch_tokens=config.rollout_tokens)
    from arena_agents.engines.vllm import VllmEngine, start_llm

    note("starting vllm, which takes a minute")
    in_team = learner.team.size > 1
    llm = start_llm(
        source,
        dtype=weights_dtype(config, default_device().type),
        memory=config.engine_memory,
        tensor_parallel=config.tensor_parallel,
        lora_rank=config.lora_rank,
        in_team=in_team,
        more_room=f"change --set engine_memory={config.engine_memory}",
    )
    return VllmEngine(llm, in_team=in_team)
