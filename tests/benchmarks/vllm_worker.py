"""Plays a rollout through vLLM each time that a line comes in; answers with the number of episodes."""

from __future__ import annotations

import os
import sys

from arena_agents.base import Sampling
from arena_agents.engines.vllm import VllmEngine, start_llm
from arena_agents.language.agent import LanguageAgent
from arena_agents.language.template import load_template
from arena_agents.presets import model_source
from tests.benchmarks.rollout import rollout


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what vLLM prints is no answer
    llm = start_llm(model_source("nano"))
    agent = LanguageAgent(VllmEngine(llm), llm.get_tokenizer(), load_template(), Sampling())
    print("ready", file=answers)
    for _ in sys.stdin:
        llm.reset_prefix_cache()
        print(rollout(agent, sys.argv[1]), file=answers)


if __name__ == "__main__":
    main()
