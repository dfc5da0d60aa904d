"""Gymnasium's own checker, its vector environments, and a learner that knows nothing of ours."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import arena.faces.gym as face
from arena_games.registry import BUILT_IN

IDS = [f"tmsg/{''.join(word.capitalize() for word in spec.name.split('-'))}-v0" for spec in BUILT_IN]
NUMERIC = ("grid", "action_mask")


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.filterwarnings("error")
def test_gymnasiums_own_checker(id_: str) -> None:
    check_env(gymnasium.make(id_).unwrapped, skip_render_check=True)


def test_ids_are_those_of_the_issue_and_can_be_made_without_an_import() -> None:
    assert "tmsg/Snake-v0" in IDS
    assert gymnasium.make("arena.faces.gym:tmsg/Snake-v0").unwrapped.metadata["name"] == "snake"


@pytest.mark.filterwarnings("error")
def test_what_is_seen_can_be_rendered_as_text() -> None:
    env = gymnasium.make("tmsg/Snake-v0", render_mode="ansi")
    seen, _ = env.reset(seed=0)
    assert env.render() == seen["text"]


def test_many_at_once() -> None:
    many = gymnasium.make_vec("tmsg/SnakeDuel-v0", num_envs=3, parts=NUMERIC, vectorization_mode="sync")
    seen, _ = many.reset(seed=0)
    assert seen["grid"].shape[0] == 3
    for _ in range(30):
        seen, rewards, ended, cut, _ = many.step(many.action_space.sample())
    assert rewards.shape == ended.shape == cut.shape == (3,)


def test_seeds_repeat_and_are_those_for_training() -> None:
    env = gymnasium.make("tmsg/FrozenLake-v0")
    first, again = (env.reset(seed=7)[0]["text"] for _ in range(2))
    assert first == again
    assert env.reset()[0]["text"] != env.reset()[0]["text"]


def test_an_episode_ends_as_ours_does() -> None:
    env = face.TmsgEnv("frozen-lake", render_mode="ansi")
    env.reset(seed=3)
    for _ in range(20):
        *_, ended, cut, info = env.step(0)
        if ended or cut:
            break
    assert info["success"] is False
    assert info["placements"] == (1,)
    assert "Frozen lake" in str(env.render())


def test_stable_baselines3_learns_on_it() -> None:
    ppo = pytest.importorskip("stable_baselines3").PPO
    lake, others = (gymnasium.make("tmsg/FrozenLake-v0", parts=NUMERIC) for _ in range(2))
    before = mean_return(others, None)
    learned = ppo("MultiInputPolicy", lake, n_steps=256, seed=0, device="cpu").learn(6_000)
    assert mean_return(others, learned) > before + 0.15


def mean_return(env: gymnasium.Env, policy: object, episodes: int = 200) -> float:
    rng, total = np.random.default_rng(0), 0.0
    for seed in range(episodes):
        seen, _ = env.reset(seed=10_000 + seed)
        over = False
        while not over:
            action = rng.integers(4) if policy is None else policy.predict(seen)[0]  # type: ignore[attr-defined]
            seen, reward, ended, cut, _ = env.step(int(action))
            total, over = total + float(reward), ended or cut
    return total / episodes
