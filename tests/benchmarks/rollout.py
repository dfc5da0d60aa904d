"""A rollout as in training: 128 episodes of nano from 8 start states, beside two ways to draw replies.

`transformers.generate` is handed the same batches of prompts as ours (padded on the left, one call a
batch, log-probabilities taken from its logits), and the episodes go on with what ours drew there, so
that both play the very same ones. What ours keeps of prompts is dropped before each rollout, as a new
policy makes training do. The same with a real model, SmolLM2-135M-Instruct (`make smollm2`), 4 episodes and
replies of at most 12 tokens. vLLM plays in a process of its own, with its prefix cache on, from
the same starts; the cache is emptied before each rollout, as a new policy makes training do.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from arena.match.seating import LEARNER, opponent_agents, training_seating
from arena.match.seeds import Split, episode_seed
from arena.training.language.rollout import collect
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.base import Engine
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import LanguageAgent, load_language_agent
from arena_games.registry import find_game
from tests.benchmarks.measure import Work

STARTS, EPISODES = 8, 16
VLLM_PYTHON = Path(".venv-vllm/bin/python")


def rollout(agent: LanguageAgent, game: str, starts: int = STARTS, repeats: int = EPISODES) -> int:
    """Play them all; returns how many episodes there were."""
    if isinstance(agent.engine, TransformersEngine):
        agent.engine.beginnings.drop()
    spec = find_game(game)
    agents = {LEARNER: agent, **opponent_agents(spec, "house")}
    seeds = [episode_seed(Split.TRAIN, 0, 1, start) for start in range(starts)]
    played = collect(spec, agents, seeds, training_seating(spec, "house"), repeats=repeats)
    return len(played.trajectories)


class GenerateLoop:
    """What one writes first: `model.generate` on the padded batch. Answers with what ours drew."""

    policy_version, shares_model = 0, True

    def __init__(self, model: Any, tokenizer: Any, drawn: dict[tuple[Ids, int], TokenSample]) -> None:
        self.model, self.tokenizer, self.drawn = model, tokenizer, drawn
        # nano closes its reply with one token, which costs less than looking for the string.
        self.ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("</action>")]

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Ids], sampling: Sampling, seeds: Sequence[int], drafts: Sequence[Ids] = ()
    ) -> list[TokenSample]:
        padded = self.tokenizer.pad(
            {"input_ids": list(map(list, prompts))}, padding_side="left", return_tensors="pt"
        )
        out = self.model.generate(
            **padded,
            do_sample=True,
            temperature=sampling.temperature,
            top_k=0,
            max_new_tokens=sampling.max_new_tokens,
            eos_token_id=self.ends,
            pad_token_id=self.tokenizer.pad_token_id,
            output_logits=True,
            return_dict_in_generate=True,
        )
        ids_NK = out.sequences[:, padded["input_ids"].shape[1] :]
        torch.stack(out.logits, 1).log_softmax(-1).gather(-1, ids_NK[..., None]).tolist()
        return [self.drawn[tuple(prompt), seed] for prompt, seed in zip(prompts, seeds, strict=True)]


class Recording:
    """Our engine, and all that it drew."""

    policy_version, shares_model = 0, True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.drawn: dict[tuple[Ids, int], TokenSample] = {}

    def generate(
        self, prompts: Sequence[Ids], sampling: Sampling, seeds: Sequence[int], drafts: Sequence[Ids] = ()
    ) -> list[TokenSample]:
        samples = self.engine.generate(prompts, sampling, seeds, drafts)
        self.drawn |= {(s.prompt_ids, seed): s for s, seed in zip(samples, seeds, strict=True)}
        return samples


def rollout_frozen_lake() -> Work:
    return _beside_generate("frozen-lake")


def rollout_snake() -> Work:
    return _beside_generate("snake")


def rollout_frozen_lake_smollm2() -> Work:
    return _beside_generate("frozen-lake", "smollm2-135m", starts=2, repeats=2, tokens=12)


def rollout_snake_smollm2() -> Work:
    return _beside_generate("snake", "smollm2-135m", starts=2, repeats=2, tokens=12)


def rollout_frozen_lake_vllm() -> Work:
    return _beside_vllm("frozen-lake")


def rollout_snake_vllm() -> Work:
    return _beside_vllm("snake")


def _beside_generate(
    game: str, model: str = "nano", *, starts: int = STARTS, repeats: int = EPISODES, tokens: int = 256
) -> Work:
    ours, theirs = _agent(model, tokens), _agent(model, tokens)
    recording = Recording(ours.engine)
    rollout(_with_engine(_agent(model, tokens), recording), game, starts, repeats)
    loop = GenerateLoop(theirs.engine.model, theirs.tokenizer, recording.drawn)
    theirs = _with_engine(theirs, loop)
    return Work(
        f"rollout of {starts * repeats} episodes, {game}" + (f", {model}" if model != "nano" else ""),
        "episodes/s",
        lambda: rollout(ours, game, starts, repeats),
        "transformers.generate",
        lambda: rollout(theirs, game, starts, repeats),
        reach=3 if model == "nano" else 1,
        aim=6 if model == "nano" else 2,
    )


def _agent(model: str, tokens: int) -> LanguageAgent:
    agent = load_language_agent(model)
    agent.sampling = replace(agent.sampling, max_new_tokens=tokens)
    return agent


def _beside_vllm(game: str) -> Work:
    ours = load_language_agent("nano")
    return Work(
        f"rollout of 128 episodes, {game}",
        "episodes/s",
        lambda: rollout(ours, game),
        "vLLM on CPU",
        _vllm_worker(game),
        reach=1,
        aim=2,
    )


def _with_engine(agent: LanguageAgent, engine: Any) -> LanguageAgent:
    agent.engine = engine
    return agent


def _vllm_worker(game: str) -> Callable[[], int]:
    """Plays once in the other process for each call."""
    worker = subprocess.Popen(
        [VLLM_PYTHON, "-m", "tests.benchmarks.vllm_worker", game],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def once() -> int:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        return int(worker.stdout.readline())

    worker.stdout.readline()  # it has started
    return once
