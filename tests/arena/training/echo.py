"""A game and a model that are small enough to learn within seconds.

Echo: each of two turns shows a colour, and naming it is right. One point for an episode without a
mistake, none otherwise, so a single turn is never rewarded by itself. Chance: 1 in 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.base import GameSpec, Grid, action_reply
from arena_games.parsing import parse_action_tag

COLOURS = ("red", "green", "blue", "white")
TURNS = 2
WORDS = ("<pad>", "<end>", "user", "assistant", *COLOURS, *map(action_reply, COLOURS))
CHAT = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}assistant"


class EchoEnv(SimultaneousEnv):
    """One seat; the plane holds nothing."""

    def __init__(self) -> None:
        super().__init__("echo", 1, len(COLOURS), (1, 1, 1))

    def begin(self) -> None:
        self.shown = self.rng.integers(len(COLOURS), size=TURNS).tolist()
        self.said: list[int] = []

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        self.said.append(moves[0])
        return {0: float(self.said == self.shown)}

    def living(self) -> tuple[int, ...]:
        return (0,) if len(self.said) < TURNS else ()

    def outcome(self) -> Outcome | None:
        return None if self.living() else Outcome((1,), (self.said == self.shown,))

    def timed_out(self) -> bool:
        return False

    def text(self, seat: int) -> str:
        return COLOURS[self.shown[min(len(self.said), TURNS - 1)]]

    def grid(self, seat: int) -> Grid:
        return np.zeros((1, 1, 1), np.float32)


ECHO = GameSpec(
    name="echo",
    version=1,
    seats=1,
    open_seats=(0,),
    house=(),
    actions={colour: f"say {colour}" for colour in COLOURS},
    horizon=TURNS,
    make_env=EchoEnv,
    task="Say what you see.",
    rules=(),
    success="every colour was named",
    parse=parse_action_tag(COLOURS),
)


def save_tiny_model(folder: Path) -> Path:
    """A Hugging Face folder with an untrained Qwen2 of some 5,000 weights; each reply is one token."""
    words = Tokenizer(models.BPE())  # knows no letters: what is no word of ours is left out
    words.add_tokens([AddedToken(word, normalized=False) for word in WORDS])
    tokenizer = Qwen2Tokenizer(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=32,
        tie_word_embeddings=False,
        eos_token_id=1,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder
