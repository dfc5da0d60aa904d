"""One process of a team: gradients and updates of a tiny model, then a small run, for a test.

Run as a program with the folder to leave results in; alone or by a launcher.
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena.training.config import MsgrpoConfig
from arena.training.distributed.shards import own_part, whole
from arena.training.distributed.team import join_team
from arena.training.msgrpo.learner import Learner
from arena.training.start import train
from arena.views.training_progress import TrainingDisplay
from tests.arena.training.test_learner import make_batch

SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 64,
}
SETTINGS = [
    "groups=3",
    "group_size=4",
    "eval_episodes=5",
    "eval_every=1",
    "checkpoint_every=1",
    "keep=1.0",
    "seed=4",
]
KINDS = {
    "all": {"lora_rank": 0, "tied": False},
    "tied": {"lora_rank": 0, "tied": True, "gradient_checkpointing": "on"},
    "lora": {"lora_rank": 3, "tied": True},  # no multiple of two: the processes' parts are unequal
    "bfloat16": {"lora_rank": 4, "tied": False, "dtype": "bfloat16"},  # the adapter is in float32
}


def tiny_learner(team, tied, **settings):
    torch.manual_seed(0)
    config = MsgrpoConfig(game="snake", agent="tiny", micro_tokens=60, beta=0.1, **settings)
    model = Qwen2ForCausalLM(Qwen2Config(**SHAPE, tie_word_embeddings=tied))
    batch, _ = make_batch(model)
    return Learner(model.to(getattr(torch, settings.get("dtype", "float32"))), config, 0, team), batch


def gradients_and_weights(team, kind):
    """Gradients, then weights and statistics after two updates, all of them whole."""
    learner, batch = tiny_learner(team, **KINDS[kind])
    learner._step(batch, list(range(5)))
    parameters = learner.trained.parameters
    found = {f"gradient.{name}": whole(own_part(p.grad), p).clone() for name, p in parameters.items()}
    learner, batch = tiny_learner(team, **KINDS[kind])
    stats = [learner.update(batch, 1e-3, step) for step in (1, 2)]
    numbers = torch.tensor([list(taken.values()) for taken in stats])
    weights = {f"weight.{name}": weight.clone() for name, weight in learner.trained.whole().items()}
    return found | weights | {"stats": numbers, "logprobs": learner.logprobs(batch)}


def work(folder, team):
    """Leave gradients and weights of this process, and the run of all, in the folder."""
    for kind in KINDS:
        save_file(gradients_and_weights(team, kind), folder / f"{kind}-{team.rank}.safetensors")
    train(
        game="frozen-lake", agent="nano", out=folder / "run", steps=2, settings=SETTINGS, show=TrainingDisplay
    )
    team.gather("all have ended")
    if team.is_main:
        forget_the_last_step(folder / "run")
    team.gather("and it is forgotten")
    train(game=None, agent=None, resume=folder / "run", show=TrainingDisplay)


def forget_the_last_step(run):
    """As if the run had been stopped after its first step."""
    shutil.rmtree(run / "checkpoints" / "step-000002")
    shutil.rmtree(run / "last")


if __name__ == "__main__":
    work(Path(sys.argv[1]), join_team())
