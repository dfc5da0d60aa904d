"""Which episodes of an update are kept to be looked at, and what is told of their tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from arena.match.episode import Step
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.batch import TokenBatch, token_batch
from arena.training.sampled import SampledEpisode, SampledStep, SampledToken
from arena_games.base import GameSpec

DIGITS = 6  # of a log-probability

Chosen = Sequence[tuple[Trajectory, list[float]]]


def extremes(rollout: Rollout, chosen: Chosen) -> list[tuple[Trajectory, list[float | None]]]:
    """The kept episodes with the highest and the lowest mean advantage; of none, the rollout's first one."""
    if not chosen:
        played = next((one for one in rollout.trajectories if one.steps), None)
        return [] if played is None else [(played, [None] * len(played.steps))]
    means = [sum(advantages) / len(advantages) for _, advantages in chosen]
    places = dict.fromkeys((means.index(max(means)), means.index(min(means))))
    return [(chosen[place][0], list(chosen[place][1])) for place in places]


def sample_episodes(
    rollout: Rollout,
    chosen: Chosen,
    step: int,
    *,
    spec: GameSpec,
    config: MsgrpoConfig,
    tokenizer: Any,
    logprobs: Callable[[TokenBatch], Tensor],
) -> list[SampledEpisode]:
    """The extremes of an update that is to be made; `logprobs` are the trainer's own of its texts (U, K)."""
    found = extremes(rollout, chosen)
    if not found:
        return []
    batch = token_batch([(one, [0.0] * len(one.steps)) for one, _ in found], config)
    trainer_NK = logprobs(batch)[batch.sequence_N]
    rows = iter(trainer_NK.tolist())
    return [
        SampledEpisode(
            step=step,
            game=spec.name,
            version=spec.version,
            seat=trajectory.steps[0].seat,
            players=trajectory.players,
            total=trajectory.total,
            success=trajectory.success,
            steps=tuple(
                _step(one, advantage, next(rows), spec, tokenizer)
                for one, advantage in zip(trajectory.steps, advantages, strict=True)
            ),
        )
        for trajectory, advantages in found
    ]


def _step(
    step: Step, advantage: float | None, trainer_K: list[float], spec: GameSpec, tokenizer: Any
) -> SampledStep:
    names = spec.action_names
    known = step.name or (step.action if isinstance(step.action, str) else names[step.action])
    return SampledStep(
        turn=step.observation.turn,
        observation=step.observation.text,
        reply=step.reply.text,
        reasoning=step.reply.reasoning,
        action=known,
        invalid=step.invalid,
        reward=step.reward,
        advantage=None if advantage is None else _finite(advantage),
        tokens=_tokens(step, trainer_K, tokenizer),
    )


def _tokens(step: Step, trainer_K: list[float], tokenizer: Any) -> tuple[SampledToken, ...]:
    sample = step.reply.sample
    if sample is None:
        return ()
    whole = len(sample.logprobs) != len(sample.token_ids) or bool(sample.choices)
    texts = [step.reply.text] if whole else [tokenizer.decode([token]) for token in sample.token_ids]
    return tuple(
        SampledToken(
            text=text,
            logprob=None if place in sample.appended else _finite(drawn),
            mismatch=None if place in sample.appended else _finite(trainer - drawn, 4),
        )
        for place, (text, drawn, trainer) in enumerate(zip(texts, sample.logprobs, trainer_K, strict=False))
    )


def _finite(value: float, digits: int = DIGITS) -> float | None:
    return round(value, digits) + 0.0 if math.isfinite(value) else None  # no −0
