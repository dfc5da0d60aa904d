"""A process that makes a model, updates it once, and prints the peak of its memory in bytes.

Run as a program, with settings as JSON: a process's peak can be read but never lowered again.
"""

import json
import random
import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena.machine.hardware import peak_memory
from arena.training.config import MsgrpoConfig
from arena.training.msgrpo.batch import TokenBatch
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import token_mean_weights

SHAPE = {
    "vocab_size": 16_384,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 1024,
    "tie_word_embeddings": True,
}
PROMPT, REPLY, SEQUENCES = 96, 32, 8


def a_batch():
    """Sequences that share nothing, so that every token is read."""
    draw = random.Random(0)
    prompts, replies = (
        tuple(tuple(draw.randrange(SHAPE["vocab_size"]) for _ in range(length)) for _ in range(SEQUENCES))
        for length in (PROMPT, REPLY)
    )
    mask_NK = torch.ones(SEQUENCES, REPLY)
    return TokenBatch(
        prompts=prompts,
        replies=replies,
        sequence_N=torch.arange(SEQUENCES),
        old_logprobs_NK=-10 * mask_NK,
        weights_NK=token_mean_weights(mask_NK),
        advantages_N=torch.ones(SEQUENCES),
        episodes=SEQUENCES,
    )


if __name__ == "__main__":
    config = MsgrpoConfig(game="snake", agent="shape", max_kl=1e9, **json.loads(sys.argv[1]))
    batch = a_batch()
    if config.lora_rank:
        import peft  # noqa: F401 - not to be counted
    before = peak_memory()
    learner = Learner(Qwen2ForCausalLM(Qwen2Config(**SHAPE)), config, 0)
    best = learner.trained.snapshot()
    for step in (1, 2):
        learner.update(batch, 1e-6, step)
    print(peak_memory() - before)
