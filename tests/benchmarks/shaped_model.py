"""A model of a known shape with random weights, to measure speed and memory where no weights can be had.

    python tests/benchmarks/shaped_model.py --shape 3b /tmp/shaped-3b
    arena train snake --agent hf:/tmp/shaped-3b --set steps=5

The shapes `3b` and `0.5b` are Qwen2.5's, `50m` is one for a CPU. The tokenizer is learned from our
own game texts and has Qwen's chat marks; the model's vocabulary is larger, as Qwen's is padded too.
Replies of such a model are noise, so every move is a random one and costs the format penalty; episodes
still differ in length and apples, so there is something to update on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from arena_agents.language.template import load_template
from arena_games.base import GameSpec, Observation
from arena_games.registry import game_specs

SHAPES = {
    "3b": {
        "hidden_size": 2048,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "intermediate_size": 11_008,
    },
    "0.5b": {
        "hidden_size": 896,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "intermediate_size": 4864,
    },
    "50m": {"hidden_size": 512, "num_hidden_layers": 11, "num_attention_heads": 8, "intermediate_size": 1536},
}
VOCABULARY = {"3b": 151_936, "0.5b": 151_936, "50m": 32_000}
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHATML = (
    "{%- for message in messages -%}"
    f"{START}{{{{ message['role'] + '\\n' + message['content'] }}}}{END}{{{{ '\\n' }}}}"
    "{%- endfor -%}"
    f"{{%- if add_generation_prompt -%}}{START}{{{{ 'assistant\\n' }}}}{{%- endif -%}}"
)


def make(shape: str, folder: Path, seed: int = 0) -> None:
    """Write the model and its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = learn_tokenizer(folder)
    ends = {
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    config = Qwen2Config(
        **SHAPES[shape],
        **ends,
        vocab_size=VOCABULARY[shape],
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    model.generation_config = GenerationConfig(**ends)
    model.save_pretrained(folder)
    count = sum(p.numel() for p in model.parameters())
    print(f"{folder}: {count:,} parameters, {len(tokenizer):,} tokens known")


def learn_tokenizer(folder: Path) -> Qwen2Tokenizer:
    """Byte-level BPE from prompts of every game, with ChatML's marks."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(prompts(), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    loaded = Qwen2Tokenizer.from_pretrained(folder, eos_token=END, pad_token=PAD)
    loaded.chat_template = CHATML
    loaded.save_pretrained(folder)
    return loaded


def prompts(count: int = 50) -> Iterator[str]:
    """What a language agent reads at the start of some episodes of every game."""
    template = load_template()
    for spec in game_specs():
        for seed in range(count):
            for message in template.messages(spec, first_observation(spec, seed)):
                yield message["content"]


def first_observation(spec: GameSpec, seed: int) -> Observation:
    env = spec.make_env()
    env.reset(seed=seed)
    view = env.observe(env.agent_selection)
    return Observation(
        spec.name,
        0,
        0,
        view["text"],
        tuple(range(len(spec.actions))),
        view["grid"],
        seed=seed,
        action_names=spec.action_names,
        spec=spec,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="3b")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    make(arguments.shape, arguments.folder)
