"""Past versions of the policy as agents: the model in training holds their weights while they reply.

So a pool of versions takes the memory of what is trained, an adapter each, and not a model each. An engine
that is not the trainer's own model cannot do that; beside it each version is loaded as a model of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from arena.training.distributed.weights import TrainedWeights, Weights
from arena.training.language.learner import PolicyLearner
from arena_agents import Agent
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import LanguageAgent
from arena_agents.registry import make_agent
from arena_games.base import UsageError

FILES = ("adapter_model.safetensors", "model.safetensors")


class HeldEngine:
    """Draws from the trainer's model with other weights in it, and leaves it as it was."""

    shares_model = True

    def __init__(self, engine: TransformersEngine, trained: TrainedWeights, weights: Weights) -> None:
        self._engine, self._trained, self._weights = engine, trained, weights
        self.policy_version = 0

    @contextmanager
    def _holding(self) -> Iterator[TransformersEngine]:
        """By moving pointers, not numbers: what the engines have read of either policy stays good."""
        own = {name: parameter.data for name, parameter in self._trained.parameters.items()}
        try:
            for name, parameter in self._trained.parameters.items():
                parameter.data = self._weights[name]
            yield self._engine
        finally:
            for name, parameter in self._trained.parameters.items():
                parameter.data = own[name]

    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        with self._holding() as engine:
            return engine.generate(prompts, sampling, seeds, drafts)

    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        with self._holding() as engine:
            return engine.choose(prompts, choices, sampling, seeds)

    def load_policy(self, adapter: Path, version: int) -> None:
        """A past version stays what it is."""
        raise NotImplementedError

    def sleep(self) -> None:
        self._engine.sleep()

    def wake(self) -> None:
        """Forget what was read, as every engine before a rollout."""
        self._engine.wake()

    def close(self) -> None:
        self._engine.close()


def load_version(folder: Path, agent: LanguageAgent, learner: PolicyLearner) -> Agent:
    """The version in this folder, playing as `agent` does. Raises UsageError if it cannot be read."""
    engine = agent.engine
    if not isinstance(engine, TransformersEngine) or learner.team.sharded:
        return make_agent(str(folder))
    own = TransformersEngine(
        learner.model, agent.tokenizer, batch_tokens=engine.batch_tokens, family=engine.family
    )
    twin = copy.copy(agent)
    twin.engine = HeldEngine(own, learner.trained, read_weights(folder, learner.trained))
    return twin


def read_weights(folder: Path, trained: TrainedWeights) -> Weights:
    """The trained parameters as the policy in this folder has them, where the model's are.

    Raises UsageError if the folder does not hold all of them, in their shapes.
    """
    try:
        (path,) = (folder / name for name in FILES if (folder / name).is_file())
        stored = load_file(path)
        found = {name: stored[name.replace(".default.", ".")] for name in trained.parameters}
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UsageError(f"cannot read the version in {folder} ({error}); begin the league anew") from error
    for name, parameter in trained.parameters.items():
        if found[name].shape != parameter.shape:
            raise UsageError(f"{folder} holds another model's weights ({name}); begin the league anew")
    return {name: tensor.to(trained.parameters[name]) for name, tensor in found.items()}
