"""One process of a team: a gradient and two updates of a tiny model, then a small run, for a test.

Run as a program with the folder to leave results in; alone or by a launcher.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena.training.config import MsgrpoConfig
from arena.training.learner import Learner
from arena.training.parallel import join_team
from arena.training.start import train
from tests.training.test_learner import make_batch

SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 64,
}
SETTINGS = ["groups=3", "group_size=4", "eval_episodes=5", "eval_every=1", "checkpoint_every=1", "keep=1.0"]


def tiny_learner(team):
    torch.manual_seed(0)
    config = MsgrpoConfig(game="snake", agent="tiny", lora_rank=0, micro_tokens=60, beta=0.1)
    return Learner(Qwen2ForCausalLM(Qwen2Config(**SHAPE)), config, 0, team)


def gradients_and_weights(team):
    learner = tiny_learner(team)
    batch, _ = make_batch(learner.model)
    learner._step(batch, list(range(5)))
    found = {f"gradient.{name}": p.grad.clone() for name, p in learner.trained().items()}
    learner = tiny_learner(team)
    stats = [learner.update(batch, 1e-3, step) for step in (1, 2)]
    numbers = torch.tensor([list(taken.values()) for taken in stats])
    return found | {f"weight.{name}": w for name, w in learner.weights().items()} | {"stats": numbers}


def work(folder, team):
    """Leave gradients and weights of this process, and the run of all, in the folder."""
    save_file(gradients_and_weights(team), folder / f"rank-{team.rank}.safetensors")
    train(game="frozen-lake", agent="nano", out=folder / "run", steps=2, settings=SETTINGS)


if __name__ == "__main__":
    work(Path(sys.argv[1]), join_team())
