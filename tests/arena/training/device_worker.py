"""What the trainer and its engine compute with a model on the CPU, or on a pretended device, as JSON."""

import json
import sys

import torch

from arena.training.config import MsgrpoConfig
from arena.training.msgrpo.learner import Learner
from arena_agents.base import Sampling
from arena_agents.causal_lm.load import load_model
from arena_agents.causal_lm.prove import prove
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.nano import MODEL_DIR
from tests.arena.training.test_learner import make_batch

PROMPTS = [(5, 6, 7), (5, 6, 7), (8, 9, 10, 11)]
DRAFTS = [(5, 6, 7), (5, 6, 8)]
SAMPLINGS = [
    Sampling(max_new_tokens=6),
    Sampling(max_new_tokens=6, top_p=0.9, top_k=20),
    Sampling(temperature=0, max_new_tokens=3),
]


@torch.no_grad()
def computed(loaded, device, lora_rank):
    model, tokenizer = loaded
    batch, _ = make_batch(model)
    config = MsgrpoConfig(game="snake", agent="nano", lora_rank=lora_rank, beta=0.1, micro_tokens=60)
    learner = Learner(model.to(device), config, 0)
    learner.model.to(device)
    loss, stats = learner._loss(batch, list(range(5)), 1.0)
    snapshot = learner.trained.snapshot()
    with learner.trained.holding(snapshot.weights):
        learner.trained.restore(snapshot)
    engine = TransformersEngine(learner.model, tokenizer)
    drawn = [
        [sample.token_ids for sample in engine.generate(PROMPTS, sampling, range(3), drafts)]
        for sampling in SAMPLINGS
        for drafts in ((), DRAFTS)
    ]
    numbers = [float(loss), *(float(value) for value in stats.values()), learner.kl_from_old(batch)]
    return {"numbers": numbers, "logprobs": learner.logprobs(batch).tolist(), "drawn": drawn}


if __name__ == "__main__":
    cpu = torch.device("cpu")
    ranks = {rank: load_model(str(MODEL_DIR), dtype="float32", device=cpu) for rank in (0, 4)}
    prove(ranks[0][0])  # before there is a pretended device, which does not bear all of the trials
    if sys.argv[1] == "cpu":
        device = cpu
    else:
        # Only now: transformers takes a device that is there for one to load on.
        from tests.arena.training import pretended_device

        device = pretended_device.DEVICE
    print(json.dumps([computed(loaded, device, rank) for rank, loaded in ranks.items()]))
