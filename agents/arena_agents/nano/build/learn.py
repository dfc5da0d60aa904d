"""Supervised learning of replies: the action token's target is a distribution over actions.

The observation itself is learned too, as any language model would. `noise` 0 asks for a best
action of search, all equal ones alike. With noise ε the target is what a player would do that
plays uniformly at random with chance ε: its games are noisy play.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM, Qwen2Tokenizer

from arena_agents.causal_lm.forward import prefill, reply_logits, token_logprobs
from arena_agents.causal_lm.packing import left_padded
from arena_agents.nano.build.positions import Position, positions
from arena_games.base import GameSpec
from arena_games.registry import find_game

# `<action>`, the name, `</action>`, and the end of the turn.
REPLY_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Lesson:
    """How long to learn, from what mixture of games, and how noisy the player is on each.

    The rate falls from `learning_rate` to `final_rate` over the last `decay` (a share) of the steps.
    """

    steps: int
    learning_rate: float
    decay: float
    mixture: Mapping[str, float]
    noise: Mapping[str, float] = field(default_factory=dict)
    reading: float = 1.0
    batch: int = 64
    final_rate: float = 1e-5


class Reader:
    """Turns positions into prompts and targets for one tokenizer."""

    def __init__(self, tokenizer: Qwen2Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.action_slot = 1

    def prompt(self, position: Position) -> list[int]:
        messages = [{"role": "user", "content": position.text}]
        ids: list[int] = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        return ids

    def reply(self, action: str) -> list[int]:
        """`<action>`, the name as one token, `</action>` and the end of the turn."""
        ids: list[int] = self.tokenizer.encode(f"<action>{action}</action>{self.tokenizer.eos_token}")
        if len(ids) != REPLY_TOKENS:
            raise ValueError(f"the tokenizer splits the action {action!r}")
        return ids

    def targets(self, batch: list[Position], noise: float) -> Tensor:
        """Probability of each action, (N, A)."""
        names = batch[0].actions
        best = torch.tensor([[float(name in position.best) for name in names] for position in batch])
        return (1 - noise) * best / best.sum(1, keepdim=True) + noise / len(names)


def lesson_loss(
    model: Qwen2ForCausalLM, reader: Reader, batch: list[Position], noise: float, reading: float
) -> Tensor:
    """Cross-entropy of the reply, with the soft target at the action's token.

    `reading` adds that share of the mean cross-entropy of the observation itself: it names each
    thing's coordinates and then draws it, so predicting the drawing teaches where things are.
    """
    names = batch[0].actions
    rows = [reader.prompt(position) + reader.reply(position.best[0]) for position in batch]
    logits_NSV = prefill(model, [row[:-1] for row in rows], keep=0).logits_NLV
    size = logits_NSV.shape[1]
    ids_NS, real_NS = left_padded([row[1:][-size:] for row in rows], 0, logits_NSV.device)
    logprobs_NS = token_logprobs(logits_NSV, ids_NS) * real_NS
    slot = reader.action_slot - REPLY_TOKENS
    tokens_A = torch.tensor([reader.reply(name)[slot] for name in names])
    actions_NA = torch.log_softmax(logits_NSV[:, slot], dim=-1)[:, tokens_A]
    format_loss = logprobs_NS[:, slot].mean() - logprobs_NS[:, -REPLY_TOKENS:].sum(1).mean()
    action_loss = -(reader.targets(batch, noise) * actions_NA).sum(1).mean()
    board_loss = -logprobs_NS[:, :-REPLY_TOKENS].sum() / real_NS[:, :-REPLY_TOKENS].sum()
    return format_loss + action_loss + reading * board_loss


def learn(
    model: Qwen2ForCausalLM,
    reader: Reader,
    lesson: Lesson,
    seed: int,
    on_report: Callable[[int], None] = lambda step: None,
) -> None:
    """Run one lesson in place: AdamW, a short warm-up, a linear fall of the rate at the end."""
    rng = np.random.default_rng(seed)
    streams = {name: _endless(name, rng) for name in lesson.mixture}
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lesson.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    games, shares = list(lesson.mixture), np.array(list(lesson.mixture.values()))
    began, running = time.perf_counter(), dict.fromkeys(games, math.nan)
    for step in range(1, lesson.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = _rate(lesson, step)
        for name in rng.choice(games, size=2, replace=False, p=shares / shares.sum()):
            batch = [next(streams[name]) for _ in range(lesson.batch // 2)]
            loss = lesson_loss(model, reader, batch, _noise(lesson, name, step), lesson.reading)
            (loss / 2).backward()  # type: ignore[no-untyped-call]
            old = running[name]
            running[name] = loss.item() if math.isnan(old) else 0.95 * old + 0.05 * loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            losses = " ".join(f"{name} {value:.3f}" for name, value in running.items())
            print(
                f"step {step}/{lesson.steps} {time.perf_counter() - began:.0f} s  loss: {losses}", flush=True
            )
            on_report(step)


def _noise(lesson: Lesson, game: str, step: int) -> float:
    """Grows over the first half: all of it at once would shake what has been read."""
    return lesson.noise.get(game, 0.0) * min(1.0, 2 * step / lesson.steps)


def _rate(lesson: Lesson, step: int) -> float:
    warm = min(1.0, step / 100)
    left = min(1.0, (lesson.steps - step) / (lesson.decay * lesson.steps)) if lesson.decay else 1.0
    return lesson.final_rate + (lesson.learning_rate - lesson.final_rate) * warm * left


def _endless(name: str, rng: np.random.Generator) -> Iterator[Position]:
    while True:
        yield from positions(find_game(name), 10_000, rng)


@torch.no_grad()
def agreement(model: Qwen2ForCausalLM, reader: Reader, spec: GameSpec, count: int, seed: int) -> float:
    """How often the likeliest action is a best one, on positions of a seed of their own."""
    batch = list(positions(spec, count, np.random.default_rng(seed)))
    replies = [reader.reply(spec.action_names[0]) for _ in batch]
    logits_NKV, _, _ = reply_logits(model, [reader.prompt(position) for position in batch], replies)
    tokens_A = [reader.reply(name)[reader.action_slot] for name in spec.action_names]
    likeliest = logits_NKV[:, reader.action_slot, tokens_A].argmax(1).tolist()
    hits = [spec.action_names[a] in position.best for a, position in zip(likeliest, batch, strict=True)]
    return sum(hits) / len(hits)
