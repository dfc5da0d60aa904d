"""Double DQN, from top to bottom: play a round, learn from the buffer, look at held-out games.

Mnih 2015 (replay, target network), van Hasselt 2016 (double Q-learning), Wang 2016 (dueling),
Sutton 1988 (n-step returns). Ours differs in what the arena makes natural:

- experience comes in rounds of whole matches played in lockstep by `arena.match.play.play`, so the
  network answers a batch at once and nothing is in flight between two rounds;
- illegal actions are neither played nor bootstrapped from;
- all randomness of a round follows from (seed, round), so a resumed run needs no generator's state.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from arena.machine.files import write_json
from arena.match.seating import held_out_seating, opponent_agents, training_seating
from arena.match.seeds import decision_seed
from arena.training.clock import Clock
from arena.training.dqn.checkpoint import checkpoint_tensors, restore
from arena.training.dqn.config import DqnConfig
from arena.training.dqn.experience import (
    Score,
    learner_steps,
    play_round,
    score,
    training_seeds,
    validation_seeds,
)
from arena.training.dqn.q_learning import Learner
from arena.training.dqn.replay_buffer import ReplayBuffer
from arena.training.reporter import Reporter
from arena.training.run_folder import DOES_NOT_FIT, REMEDY, RunFolder
from arena_agents.dqn.agent import DqnCard, DqnPolicy
from arena_agents.files import check_regular, read_model
from arena_agents.limits import LARGEST_NUMBER
from arena_games.base import ActionKind, GameSpec, UsageError
from arena_games.registry import find_game

Metrics = dict[str, float | int | None]


class Counters(BaseModel):
    """A checkpoint's `state.json`: how far the run has come."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    step: int = Field(ge=0, le=LARGEST_NUMBER)
    episodes: int = Field(ge=0)
    env_steps: int = Field(ge=0)
    seconds: float = Field(ge=0)
    best: float | None


COUNTERS = tuple(Counters.model_fields)


def train_dqn(config: DqnConfig, run: RunFolder, reporter: Reporter, *, spec: GameSpec | None = None) -> None:
    """Train a policy for `config.game` in the run's folder, from its newest checkpoint if it has one.

    `spec` stands in for a game that no registry knows. Raises UsageError for an unknown game or
    opponent, a game without planes, and an unreadable checkpoint.
    """
    training = DqnTraining(config, run, spec or find_game(config.game))
    training.resume()
    for step in range(training.step + 1, config.steps + 1):
        reporter.update(step, training.round(step))
        if step % config.checkpoint_every == 0 or step == config.steps:
            run.save_checkpoint(step, training.save)
    run.save_policy("last", training.policy.save)  # its presence says that the run has come to its end
    if training.best is not None:
        reporter.note(f"best held-out return {training.best:.3f}; policy in {run.path / 'best'}")


class DqnTraining:
    """A run in progress: everything that a checkpoint holds, and one method a phase."""

    def __init__(self, config: DqnConfig, run: RunFolder, spec: GameSpec) -> None:
        self.config, self.run, self.spec = config, run, spec
        card = policy_card(config, spec)
        self.policy = DqnPolicy.fresh(card, config.seed)
        self.learner = Learner(self.policy, DqnPolicy.fresh(card, config.seed), config)
        self.buffer = ReplayBuffer(card, config.capacity, config.n_step, config.discount)
        self.others = opponent_agents(spec, config.opponents)
        self.step = self.episodes = self.env_steps = 0
        self.seconds = 0.0
        self.best: float | None = None
        self.best_policy: DqnPolicy | None = None

    def round(self, step: int) -> Metrics:
        """Play, learn, evaluate when it is time; returns the row that it logs."""
        clock = Clock()
        self.step = step
        with clock.phase("collect"):
            train = self.collect()
        with clock.phase("learn"):
            stats = self.learn()
        with clock.phase("eval"):
            held_out = self.evaluate() if self._due(self.config.eval_every) else None
        self.seconds += clock.total
        row = {
            **self._counted(),
            **_scores("train", train),
            **_scores("eval", held_out),
            **stats,
            **clock.row(),
        }
        self.run.log(row)
        return row

    def _counted(self) -> Metrics:
        return {
            "step": self.step,
            "episodes": self.episodes,
            "env_steps": self.env_steps,
            "seconds": round(self.seconds, 3),
            "epsilon": self.epsilon,
        }

    def collect(self) -> Score:
        """Play a round of ε-greedy matches into the buffer."""
        seeds = training_seeds(self.config.seed, self.step, self.config.episodes)
        seating = training_seating(self.spec, self.config.opponents)
        episodes = play_round(self.spec, seeds, self.policy, self.epsilon, seating, self.others)
        for steps in (steps for episode in episodes for steps in learner_steps(episode)):
            self.buffer.add(steps)
            self.env_steps += len(steps)
        self.episodes += len(episodes)
        return score(episodes)

    def learn(self) -> Metrics:
        """The round's updates, none while the buffer is being warmed up."""
        if self.step <= self.config.warmup or not self.buffer.size:
            return {"loss": None, "q_mean": None}
        rng = np.random.default_rng(decision_seed(self.config.seed, self.step))
        batches = (self.buffer.sample(self.config.batch_size, rng) for _ in range(self.config.updates))
        stats = self.learner.learn(batches, self.learning_rate)
        return {"loss": stats.loss, "q_mean": stats.q_mean}

    def evaluate(self) -> Score:
        """Greedy play on the held-out seeds; keeps the policy as `best` if none has scored more."""
        seeds = validation_seeds(self.config.eval_episodes)
        seating = held_out_seating(self.spec, self.config.opponents)
        held_out = score(play_round(self.spec, seeds, self.policy, 0.0, seating, self.others))
        if self.best is None or held_out.mean_return >= self.best:  # of equals, the one that learned longer
            self.best, self.best_policy = held_out.mean_return, copy.deepcopy(self.policy)
            self.run.save_policy("best", self.best_policy.save)
        return held_out

    @property
    def epsilon(self) -> float:
        """ε of this round: falls linearly over the first `epsilon_decay` of the run; 1 in the warm-up."""
        config = self.config
        if self.step <= config.warmup:
            return 1.0
        passed = min(1.0, (self.step - 1) / (config.epsilon_decay * config.steps))
        return config.epsilon_start + passed * (config.epsilon_final - config.epsilon_start)

    @property
    def learning_rate(self) -> float:
        """Falls linearly over the run to `final_rate` of its start."""
        passed = (self.step - 1) / self.config.steps
        return self.config.learning_rate * (1.0 + passed * (self.config.final_rate - 1.0))

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.steps

    # Checkpoints.

    def save(self, path: Path) -> None:
        """Write all that the next round depends on."""
        tensors = checkpoint_tensors(self.learner, self.buffer, self.best_policy)
        save_file(tensors, path / "state.safetensors")
        write_json(path / "state.json", {name: getattr(self, name) for name in COUNTERS})

    def resume(self) -> None:
        """Go back to the newest checkpoint, or to the start, forget what came after, make `best` anew."""
        found = self.run.latest_checkpoint(first=1)
        if found is not None:
            self._load(found[1])
        self.run.rewind(self.step)
        if self.best_policy is not None:
            self.run.save_policy("best", self.best_policy.save)

    def _load(self, path: Path) -> None:
        counters = read_model(path / "state.json", Counters, remedy=REMEDY)
        check_regular(path / "state.safetensors")
        try:
            tensors = load_file(path / "state.safetensors")
            self.best_policy = restore(self.learner, self.buffer, tensors)
        except (*DOES_NOT_FIT, SafetensorError) as error:
            raise UsageError(f"cannot read checkpoint {path} ({error}); {REMEDY}") from error
        for name in COUNTERS:
            setattr(self, name, getattr(counters, name))


def _scores(prefix: str, scored: Score | None) -> Metrics:
    """A score as metrics; None where there was none to measure."""
    return {
        f"{prefix}/return": scored.mean_return if scored else None,
        f"{prefix}/success": scored.success if scored else None,
    }


def policy_card(config: DqnConfig, spec: GameSpec) -> DqnCard:
    """What the policy will be. Raises UsageError for a game that shows no planes."""
    env = spec.make_env()
    env.reset(seed=0)
    grid = env.observe(env.agent_selection).get("grid")
    if grid is None or grid.ndim != 3 or spec.kind == ActionKind.TEXT:
        raise UsageError(
            f"{spec.name} shows no planes (C, H, W) to learn from; train a language agent on it instead"
        )
    try:
        return DqnCard(
            game=spec.name,
            planes=grid.shape,
            actions=spec.action_names or tuple(map(str, range(spec.action_count))),
            radius=max(1, min(config.radius, max(grid.shape[1:]) - 1)) if spec.centred else None,
            hidden=config.hidden,
        )
    except ValidationError as error:
        raise UsageError(f"{spec.name} cannot be learned so: {error.errors()[0]['msg']}") from error
