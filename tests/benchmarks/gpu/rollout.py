"""Replies a second: ours beside `transformers.generate` on the same prompts, and a whole rollout.

A batch is what training asks for at one turn: 8 start states x 16 episodes, so that positions recur.
`free` replies end where the model ends them; `forced` ones all have the full length.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from arena.match.seating import LEARNER, opponent_agents, training_seating
from arena.match.seeds import Split, episode_seed
from arena.training.language.rollout import collect
from arena_agents.base import Ids, Sampling
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import LanguageAgent
from arena_agents.nano import MODEL_DIR
from arena_games.registry import find_game
from tests.benchmarks.gpu.bench import GAMES, Bench, decision_prompts, language_agent, padded, ratio

LENGTH = 32


def run(bench: Bench) -> None:
    agent = _agent(*bench.load(MODEL_DIR, "float32"), length=8)
    _beside_generate(bench, "nano", agent, "frozen-lake", forced=False, drafts=True)
    model, tokenizer = bench.load(bench.folder(), "bfloat16")
    agent = _agent(model, tokenizer, length=bench.few(LENGTH, 4))
    for game in GAMES:
        for forced in (False, True):
            _beside_generate(bench, "SmolLM2", agent, game, forced=forced)
    _whole(bench, "SmolLM2", agent)
    growing = _agent(model, tokenizer, length=bench.few(LENGTH, 4), static=False)
    _beside_generate(bench, "SmolLM2, growing cache", growing, GAMES[0], forced=False)
    _whole(bench, "SmolLM2, growing cache", growing)
    del model, agent, growing
    agent = _agent(*bench.three_billion(), length=bench.few(LENGTH, 4))
    _beside_generate(bench, "3 B", agent, GAMES[0], forced=True)


def _agent(model: Any, tokenizer: Any, length: int, static: bool = True) -> LanguageAgent:
    engine = TransformersEngine(model, tokenizer, batch_tokens=2**17, static=static)
    agent = language_agent(engine, tokenizer)
    agent.sampling = Sampling(max_new_tokens=length)
    return agent


def _beside_generate(
    bench: Bench, name: str, agent: LanguageAgent, game: str, *, forced: bool, drafts: bool = False
) -> None:
    engine = agent.engine
    assert isinstance(engine, TransformersEngine)
    prompts = decision_prompts(agent, game, bench.few(8, 2), bench.few(16, 2))
    ends, sampling = engine._ends, agent.sampling
    if forced:
        engine._ends, sampling = frozenset(), Sampling(max_new_tokens=sampling.max_new_tokens, stop=())
    given = agent.drafts(game) if drafts else ()
    counts: dict[str, int] = {}

    def ours() -> None:
        samples = engine.generate(prompts, sampling, range(len(prompts)), given)
        counts["ours"] = sum(len(s.token_ids) for s in samples)

    def theirs() -> None:
        counts["theirs"] = _generate(bench, agent, prompts, sampling, forced)

    took, took_theirs = bench.seconds(ours, runs=2), bench.seconds(theirs, runs=2)
    engine._ends = ends
    bench.row(
        f"{name}, {game}, {'forced' if forced else 'free'}",
        prompts=len(prompts),
        distinct=len(set(prompts)),
        seconds=round(took, 4),
        decisions_per_s=round(len(prompts) / took, 1),
        tokens_per_s=round(counts["ours"] / took),
        generate_seconds=round(took_theirs, 4),
        generate_tokens_per_s=round(counts["theirs"] / took_theirs),
        times_as_fast=ratio(took_theirs, took),
    )


@torch.inference_mode()
def _generate(
    bench: Bench, agent: LanguageAgent, prompts: Sequence[Ids], sampling: Sampling, forced: bool
) -> int:
    """`model.generate` and the log-probabilities of what it drew; returns how many tokens."""
    engine, tokenizer = agent.engine, agent.tokenizer
    assert isinstance(engine, TransformersEngine)
    model: Any = engine.model
    pad = tokenizer.pad_token_id or 0
    batch = padded(prompts, pad, bench.device)
    length = sampling.max_new_tokens
    ending: dict[str, Any] = (
        {"min_new_tokens": length}
        if forced
        else {"stop_strings": list(sampling.stop), "tokenizer": tokenizer}
    )
    out = model.generate(
        **batch,
        **ending,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=length,
        pad_token_id=pad,
        output_logits=True,
        return_dict_in_generate=True,
    )
    ids_NK = out.sequences[:, batch["input_ids"].shape[1] :]
    for logits_NV, ids_N in zip(out.logits, ids_NK.unbind(1), strict=True):
        logits_NV.float().log_softmax(-1).gather(-1, ids_N[:, None])
    real: int = int((ids_NK != pad).sum())
    return real


def _whole(bench: Bench, name: str, agent: LanguageAgent) -> None:
    """A rollout as training does it, from the first turn to the last."""
    spec = find_game("frozen-lake")
    agents = {LEARNER: agent, **opponent_agents(spec, "house")}
    starts = bench.few(8, 2)
    seeds = [episode_seed(Split.TRAIN, 0, 1, start) for start in range(starts)]
    began = time.perf_counter()
    played = collect(
        spec, agents, seeds, training_seating(spec, "house"), repeats=bench.few(16, 2), format_penalty=1.0
    )
    took = time.perf_counter() - began
    tokens = sum(len(s.reply.sample.token_ids) for s in played.steps if s.reply.sample)
    bench.row(
        f"{name}, frozen-lake, a whole rollout",
        episodes=len(played.trajectories),
        decisions=len(played.steps),
        seconds=round(took, 2),
        decisions_per_s=round(len(played.steps) / took, 1),
        tokens_per_s=round(tokens / took),
        invalid=round(sum(s.invalid is not None for s in played.steps) / len(played.steps), 3),
    )
