"""The probe: does the engine sample the policy that was just trained?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from arena.match.seating import LEARNER, held_out_seating
from arena.match.seeds import Split, episode_seed
from arena.training.language.rollout import collect
from arena_agents.base import Ids, TokenSample
from arena_agents.language.agent import LanguageAgent
from arena_agents.random import RandomAgent
from arena_games.base import GameSpec

PROMPTS = 64


ERRORS = 5.0  # standard errors between a slope and ½ that decide: a false alarm would stop a run


@dataclass(frozen=True, slots=True)
class Probe:
    """What the probe measured; no slope where the two policies agree on every token."""

    error: float
    slope: float | None
    slope_error: float

    @property
    def proves_new(self) -> bool:
        return self.slope is not None and self.slope - ERRORS * self.slope_error > 0.5

    @property
    def proves_old(self) -> bool:
        return self.slope is not None and self.slope + ERRORS * self.slope_error < 0.5


def compare(engine_M: Tensor, new_M: Tensor, proven_M: Tensor) -> Probe:
    """The probe of M ≥ 1 tokens' log-probabilities: the engine's, the new policy's, the proven one's."""
    engine_M, new_M, proven_M = engine_M.double(), new_M.double(), proven_M.double()
    error = float((engine_M - new_M).abs().mean())
    moved_M, seen_M = new_M - proven_M, engine_M - proven_M
    moved = float(moved_M.square().sum())
    if moved == 0:
        return Probe(error, None, 0.0)
    slope = float((moved_M * seen_M).sum()) / moved
    rest = float((seen_M - slope * moved_M).square().sum())
    return Probe(error, slope, math.sqrt(rest / max(len(moved_M) - 1, 1) / moved))


def probe_prompts(agent: LanguageAgent, spec: GameSpec, opponents: str) -> list[Ids]:
    """Up to `PROMPTS` different prompts, the same in every run: of random play from held-out starts."""
    seeds = [episode_seed(Split.VALIDATION, 0, i) for i in range(PROMPTS)]
    seating = held_out_seating(spec, opponents)
    players = {LEARNER, *(name for start in range(PROMPTS) for name in seating(start))}
    steps = collect(spec, dict.fromkeys(players, RandomAgent()), seeds, seating).steps
    seen = list({step.observation.text: step.observation for step in steps}.values())
    return [agent.prompt_ids(observation) for observation in seen[:: max(1, len(seen) // PROMPTS)][:PROMPTS]]


def drawn_logprobs(samples: Sequence[TokenSample]) -> Tensor:
    """What the engine says of the tokens that it drew, (M,)."""
    return torch.tensor([logprob for sample in samples for logprob in sample.logprobs])


def on_tokens(logprobs_UK: Tensor, samples: Sequence[TokenSample]) -> Tensor:
    """The values (M,) at the samples' tokens, one sample after the other."""
    return torch.cat([row[: len(s.token_ids)] for row, s in zip(logprobs_UK, samples, strict=True)])
