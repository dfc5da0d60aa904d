"""What the parts of the GPU's benchmark share: models, prompts, clocks, and rows that outlive a part."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from arena.match.seating import LEARNER, opponent_agents, training_seating
from arena.match.seeds import Split, episode_seed
from arena.training.language.rollout import collect
from arena_agents.base import Ids
from arena_agents.causal_lm.load import load_model
from arena_agents.language.agent import LanguageAgent
from arena_agents.language.template import load_template
from arena_agents.nano import MODEL_DIR
from arena_agents.random import RandomAgent
from arena_games.registry import find_game
from tests.benchmarks.shaped_model import shaped

GAMES = ("frozen-lake", "snake")


class SkippedError(Exception):
    """A part that cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a part runs: `small` runs every line of it on little, `scratch` is a folder to write to.

    `smollm2` is the model's folder; `file` takes the rows, one JSON object a line, as they are found.
    """

    device: torch.device
    small: bool
    smollm2: Path | None
    scratch: Path
    file: Path

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def few(self, many: int, few: int) -> int:
        return few if self.small else many

    def row(self, what: str, **values: Any) -> None:
        """Keep what was found, whatever happens afterwards."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, **values}) + "\n")
        print(what, values, flush=True)

    def folder(self) -> Path:
        """SmolLM2's folder; nano's in a small run without it. Raises SkippedError where it is missing."""
        if self.smollm2 is not None and (self.smollm2 / "config.json").is_file():
            return self.smollm2
        if self.small:
            return MODEL_DIR
        raise SkippedError("SmolLM2 is not there: make smollm2, or --smollm2 FOLDER")

    def load(self, folder: Path, dtype: str, device: torch.device | None = None) -> tuple[Any, Any]:
        return load_model(str(folder), dtype=dtype, device=device or self.device)

    def three_billion(self) -> tuple[Any, Any]:
        """Random weights of that shape, in bfloat16; a tiny shape in a small run."""
        shape = "1m" if self.small else "3b"
        return shaped(shape, self.scratch / f"shape-{shape}", self.device)

    def sync(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], Any], runs: int = 3) -> float:
        """The median, after one run to warm up."""
        found = []
        for _ in range(runs + 1):
            self.sync()
            began = time.perf_counter()
            work()
            self.sync()
            found.append(time.perf_counter() - began)
        return median(found[1:])

    def memory(self) -> dict[str, float]:
        """GiB that the allocator has given out, and holds."""
        if not self.on_gpu:
            return {"allocated_gib": 0.0, "reserved_gib": 0.0}
        return {
            "allocated_gib": round(torch.cuda.memory_allocated() / 2**30, 3),
            "reserved_gib": round(torch.cuda.memory_reserved() / 2**30, 3),
        }


def decision_prompts(agent: LanguageAgent, game: str, starts: int, repeats: int, turn: int = 2) -> list[Ids]:
    """What an agent reads at one turn of episodes as training plays them; equal positions recur."""
    spec = find_game(game)
    agents = {**opponent_agents(spec, "house"), LEARNER: RandomAgent()}
    seeds = [episode_seed(Split.VALIDATION, 0, i) for i in range(starts)]
    played = collect(spec, agents, seeds, training_seating(spec, "house"), repeats=repeats)
    seen = [t.steps[min(turn, len(t.steps) - 1)].observation for t in played.trajectories]
    return [agent.prompt_ids(observation) for observation in seen]


def language_agent(engine: Any, tokenizer: Any) -> LanguageAgent:
    return LanguageAgent(engine, tokenizer, load_template())


def quantiles(values: torch.Tensor) -> dict[str, float]:
    """Mean, median, 99th percentile and maximum of absolute values."""
    sizes = values.detach().double().abs().flatten()
    return {
        "mean": float(sizes.mean()),
        "p50": float(sizes.quantile(0.5)),
        "p99": float(sizes.quantile(0.99)),
        "max": float(sizes.max()),
    }


def some_replies(count: int, length: int, vocabulary: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Token ids drawn uniformly, the first few (marks) left out."""
    draw = torch.Generator().manual_seed(seed)
    return [tuple(row) for row in torch.randint(20, vocabulary, (count, length), generator=draw).tolist()]


def ratio(ours: float, theirs: float) -> float:
    return round(ours / theirs, 2) if theirs else float("inf")


def padded(prompts: Sequence[Ids], pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
    """A left-padded batch as `generate` takes it."""
    width = max(map(len, prompts))
    ids = [[pad_id] * (width - len(p)) + list(p) for p in prompts]
    real = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(real, device=device),
    }
