"""A language model small enough to be made anew in every test."""

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena.training.config import MsgrpoConfig


@pytest.fixture
def tiny_model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=64,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                intermediate_size=64,
                tie_word_embeddings=True,
                eos_token_id=1,
                pad_token_id=0,
            )
        )


@pytest.fixture
def msgrpo_config():
    def make(**settings):
        return MsgrpoConfig(**{"game": "frozen-lake", "agent": "nano", "lora_rank": 0, **settings})

    return make
