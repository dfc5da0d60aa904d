"""Writing and reading a language policy in training: safetensors and JSON, nothing pickled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from arena.machine.files import write_json
from arena.training.distributed.weights import Snapshot, TrainedWeights, Weights
from arena.training.language.guard import Guard
from arena.training.language.learner import PolicyLearner
from arena.training.run_folder import DOES_NOT_FIT, REMEDY
from arena_agents.files import check_regular, read_json
from arena_agents.language.agent import LanguageAgent
from arena_agents.limits import LARGEST_NUMBER
from arena_games.base import UsageError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come. Draws need no generator's state: they follow from seed and step."""

    step: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
    episodes: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    guard: Guard


_PROGRESS = TypeAdapter(Progress)


def save_checkpoint(folder: Path, current: Snapshot, best: Snapshot, progress: Progress) -> None:
    """Weights and optimiser of the current and of the best policy, whole, and the counters."""
    save_file(_flat(current), folder / "current.safetensors")
    save_file(_flat(best), folder / "best.safetensors")
    write_json(folder / "progress.json", asdict(progress))


def load_checkpoint(folder: Path, trained: TrainedWeights) -> tuple[Progress, Snapshot]:
    """Put the weights where the checkpoint was; returns the best policy so far too.

    Raises UsageError if it cannot be read.
    """
    progress = read_progress(folder / "progress.json")
    for name in ("best", "current"):
        check_regular(folder / f"{name}.safetensors")
    try:
        best = _snapshot(load_file(folder / "best.safetensors"), trained)
        trained.restore(_snapshot(load_file(folder / "current.safetensors"), trained))
    except (*DOES_NOT_FIT, SafetensorError) as error:
        raise UsageError(f"cannot read checkpoint {folder} ({error}); {REMEDY}") from error
    return progress, best


def read_progress(path: Path) -> Progress:
    """The progress in a file. Raises UsageError, naming the first wrong field."""
    stored = read_json(path, remedy=REMEDY)
    try:
        return _PROGRESS.validate_python(stored)
    except ValidationError as error:
        raise UsageError(f"cannot read {path}: {error.errors()[0]['msg'].lower()}; {REMEDY}") from error


def _flat(snapshot: Snapshot) -> dict[str, Tensor]:
    tensors = {f"weights.{name}": tensor for name, tensor in snapshot.weights.items()}
    for index, state in snapshot.optimizer["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _snapshot(tensors: dict[str, Tensor], trained: TrainedWeights) -> Snapshot:
    """What a file holds, as far as it is this process's."""
    weights = {name: tensors[f"weights.{name}"] for name in trained.parameters}
    owners = list(trained.parameters.values())
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            if tensor.ndim and tensor.shape != owners[int(index)].shape:
                raise ValueError(f"{key} is of shape {tuple(tensor.shape)}")
            state.setdefault(int(index), {})[name] = tensor
    groups = trained.optimizer.state_dict()["param_groups"]
    return trained.part_of(Snapshot(weights, {"state": state, "param_groups": groups}))


def save_policy(folder: Path, agent: LanguageAgent, learner: PolicyLearner, weights: Weights) -> None:
    """A policy that plays as an agent: an adapter, or whole weights with their tokenizer."""
    learner.save(folder, weights)
    if not learner.adapter:
        agent.tokenizer.save_pretrained(folder)
    card = {
        "kind": "language",
        "version": 1,
        "base": learner.start.base,
        "trained_on": learner.config.game,
        "adapter": learner.adapter,
        "dtype": str(next(learner.model.parameters()).dtype).removeprefix("torch."),
        "template": agent.template.text(),
        "sampling": asdict(agent.sampling),
        "chat": agent.chat.card(),
    }
    write_json(folder / "agent.json", card)
