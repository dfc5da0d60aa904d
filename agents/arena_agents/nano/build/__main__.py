"""`python -m arena_agents.nano.build [FOLDER]`: make nano from nothing.

Learns a tokenizer from our game texts, teaches a small Qwen2 to read the boards from search's best
moves, then roughens it with noisy play, so that it knows the format and plays badly when sampled.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from arena_agents.nano import MODEL_DIR
from arena_agents.nano.build.learn import Lesson, Reader, agreement, learn
from arena_agents.nano.build.positions import positions
from arena_agents.nano.build.tokenizer import train_tokenizer
from arena_games.registry import BUILT_IN

SEED = 20_250_814
EVENLY = {
    "frozen-lake": 0.40,
    "frozen-lake-slippery": 0.12,
    "snake": 0.26,
    "snake-poison": 0.08,
    "snake-duel": 0.10,
    "snake-royale": 0.04,
}
# FrozenLake is read within the first lesson; Snake takes two more.
MORE_SNAKE = {
    "frozen-lake": 0.20,
    "frozen-lake-slippery": 0.12,
    "snake": 0.38,
    "snake-poison": 0.10,
    "snake-duel": 0.15,
    "snake-royale": 0.05,
}
MOSTLY_SNAKE = {
    "frozen-lake": 0.12,
    "frozen-lake-slippery": 0.08,
    "snake": 0.45,
    "snake-poison": 0.10,
    "snake-duel": 0.20,
    "snake-royale": 0.05,
}
LESSONS = (
    Lesson(steps=1600, learning_rate=2e-3, decay=0.0, mixture=EVENLY),
    Lesson(steps=900, learning_rate=2e-3, decay=1.0, mixture=MORE_SNAKE),
    Lesson(steps=1200, learning_rate=1.5e-3, decay=1.0, mixture=MOSTLY_SNAKE),
    # The last one roughens: noisy play, and nothing more of the boards.
    Lesson(
        steps=150,
        learning_rate=1.5e-4,
        decay=1.0,
        mixture=EVENLY,
        noise=dict.fromkeys(EVENLY, 0.42),
        reading=0.0,
    ),
)


def new_tokenizer(folder: Path) -> Qwen2Tokenizer:
    """Learned from 1,500 observations a game."""
    rng = np.random.default_rng(SEED)
    texts = [position.text for spec in BUILT_IN for position in positions(spec, 1500, rng)]
    return train_tokenizer(texts, [name for spec in BUILT_IN for name in spec.action_names], folder)


def new_model(tokenizer: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    """An untrained Qwen2 of this size for this tokenizer."""
    torch.manual_seed(SEED)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            intermediate_size=384,
            tie_word_embeddings=True,
            max_position_embeddings=1024,
            rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def report(model: Qwen2ForCausalLM, reader: Reader) -> None:
    """How often the likeliest action is one of search's best, by game, on unseen positions."""
    scores = {spec.name: agreement(model, reader, spec, 1000, SEED + 2) for spec in BUILT_IN}
    print("agrees with search: " + ", ".join(f"{name} {score:.0%}" for name, score in scores.items()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m arena_agents.nano.build", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=MODEL_DIR)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = new_tokenizer(Path(scratch))
    reader, model = Reader(tokenizer), new_model(tokenizer)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens")
    for number, lesson in enumerate(LESSONS):
        learn(model, reader, lesson, SEED + number)
        report(model, reader)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
