"""DQN while it learns: environment steps a second, ours beside Stable-Baselines3's.

Both play the game against the house with ε = 0.05, read the same planes through the same windows into two
layers of the same width, and for as many environment steps do as many updates from as large a batch. Both
have learned for the same time before the clock starts, and neither evaluates.

They differ in what they are. Ours plays whole matches in lockstep, every reply parsed, every decision seeded
and recorded, and is double, dueling and three-step, which is one more forward pass an update. Theirs is the
library's DQN on our PettingZoo environment in a Gymnasium wrapper, with our windows: one environment, its
default, or `COPIES` of it in its `DummyVecEnv`, at which it is about as fast as it gets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.dqn.train import DqnTraining, policy_card
from arena.training.run_folder import RunFolder
from arena_agents.dqn.window import visible, windows
from arena_games.base import GameSpec, Grid, Observation
from arena_games.registry import find_game
from tests.benchmarks.measure import Work

EPSILON = 0.05
COPIES = 8
BEFORE, ROUNDS = 24, 6  # rounds before the clock starts, and while it runs


def snake() -> Work:
    return _work("snake")


def snake_copies() -> Work:
    return _work("snake", COPIES)


def frozen_lake() -> Work:
    return _work("frozen-lake")


def _work(game: str, copies: int = 1) -> Work:
    constant = {"epsilon_start": EPSILON, "epsilon_final": EPSILON, "final_rate": 1.0}
    config = DqnConfig.model_validate({"game": game, **dqn_preset(game), **constant})
    ours = Rounds(config)
    ours.play(BEFORE)
    theirs = peer(config, ours.play(ROUNDS) // ROUNDS, copies)
    return Work(
        name=f"DQN in training, {game}",
        unit="steps/s",
        ours=partial(ours.play, ROUNDS),
        peer="Stable-Baselines3" + (f", {copies} environments" if copies > 1 else ""),
        theirs=theirs,
        reach=2.0,
        aim=5.0,
    )


class Rounds:
    """A run of ours, without its evaluations."""

    def __init__(self, config: DqnConfig) -> None:
        self.folder = TemporaryDirectory()
        run = RunFolder.create(Path(self.folder.name) / "run", config)
        self.training = DqnTraining(config, run, find_game(config.game))

    def play(self, rounds: int) -> int:
        """Play and learn for some rounds; returns the learner's decisions."""
        before = self.training.env_steps
        for _ in range(rounds):
            self.training.step += 1
            self.training.collect()
            self.training.learn()
        return self.training.env_steps - before


def peer(config: DqnConfig, steps: int, copies: int) -> Callable[[], int]:
    """Stable-Baselines3 with our numbers, having learned; `steps` is what a round of ours comes to."""
    model = DQN(
        "MlpPolicy",
        make_vec_env(partial(AgainstTheHouse, find_game(config.game)), copies, seed=config.seed),
        learning_rate=config.learning_rate,
        buffer_size=config.capacity,
        learning_starts=config.warmup * steps,
        batch_size=config.batch_size,
        gamma=config.discount,
        train_freq=(max(1, round(steps / copies)), "step"),
        gradient_steps=config.updates,
        target_update_interval=steps * config.target_every // config.updates,
        exploration_initial_eps=EPSILON,
        exploration_final_eps=EPSILON,
        policy_kwargs=_layers(config),
        seed=config.seed,
        device="cpu",
    )
    model.learn(BEFORE * steps)
    return partial(_learn_on, model, ROUNDS * steps)


def _learn_on(model: DQN, steps: int) -> int:
    before = model.num_timesteps
    model.learn(steps, reset_num_timesteps=False)
    return int(model.num_timesteps - before)


def _layers(config: DqnConfig) -> dict[str, Any]:
    radius = policy_card(config, find_game(config.game)).radius
    return {
        "features_extractor_class": Window,
        "features_extractor_kwargs": {"radius": radius},
        "net_arch": [config.hidden] * 2,
    }


class Window(BaseFeaturesExtractor):
    """Our view of the board, for Stable-Baselines3's own layers."""

    def __init__(self, space: gymnasium.spaces.Box, radius: int) -> None:
        channels, _, _ = space.shape
        super().__init__(space, (channels + 1) * (2 * radius + 1) ** 2)
        self.radius = radius

    def forward(self, grids_BCHW: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(windows(visible(grids_BCHW.numpy()), self.radius))


class AgainstTheHouse(gymnasium.Env[Grid, int]):
    """Seat 0 of a game of ours; the house plays the other seats."""

    def __init__(self, spec: GameSpec) -> None:
        self.game, self.env = spec, spec.make_env()
        self.own, *_ = self.env.possible_agents
        self.observation_space = self.env.observation_space(self.own)["grid"]
        self.action_space = self.env.action_space(self.own)
        self.legal = tuple(range(len(spec.actions)))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Grid, dict[str, Any]]:
        super().reset(seed=seed)
        self.env.reset(seed=int(self.np_random.integers(2**48)))
        return self.env.observe(self.own)["grid"], {}

    def step(self, action: int) -> tuple[Grid, float, bool, bool, dict[str, Any]]:
        self.env.step(int(action))
        while self.env.agent_selection != self.own:
            self.env.step(self._house())
        view, reward, terminated, truncated, _ = self.env.last()
        return view["grid"], reward, terminated, truncated, {}

    def _house(self) -> int | None:
        view, _, terminated, truncated, _ = self.env.last()
        if terminated or truncated:
            return None
        moves = self.game.prudent(Observation(self.game.name, 1, 0, "", self.legal, view["grid"]))
        return moves[self.np_random.integers(len(moves))]
