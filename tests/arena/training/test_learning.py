"""MS-GRPO with AAW learns, in seconds: a tiny model, made here, goes from chance to almost no mistake.

The reward is rare (chance: 1 in 16) and six in a hundred episodes are kept, so neither a wrong sign nor a
sampling that misses the large advantages gets anywhere.
"""

import pytest
import torch

from arena.match.evaluate import evaluate
from arena.training.msgrpo import baseline, episodes
from arena.training.start import train
from arena_agents.registry import make_agent
from arena_games.registry import find_game
from tests.arena.training import echo

GAME = f"{echo.__file__}:ECHO"

SETTINGS = {
    "groups": 16,
    "group_size": 16,
    "keep": 0.06,
    "learning_rate": 0.02,
    "warmup": 0,
    "max_kl": 100,
    "format_penalty": 0.2,
    "lora_rank": 0,
    "max_new_tokens": 2,
    "eval_every": 100,
    "eval_episodes": 64,
}


@pytest.fixture
def success(tmp_path):
    """Success on held-out episodes before and after training."""
    model = echo.save_tiny_model(tmp_path / "model")
    template = tmp_path / "template.txt"
    template.write_text("[user]\n{observation}\n")

    def of(agent):
        return evaluate("it", agent, [find_game(GAME)], episodes=200)[0].success_rate

    def learned(seed=0):
        spec, out = f"hf:{model}", tmp_path / "run"
        train(GAME, spec, out=out, seed=seed, steps=40, settings=SETTINGS, template=template)
        return of(make_agent(spec, template=template)), of(make_agent(str(out / "last")))

    return learned


def test_msgrpo_learns(success):
    before, after = success()
    assert before < 0.2
    assert after > 0.9


def losing(returns_BG, **options):
    return -group_advantages(returns_BG, **options)


def smallest_first(advantages, **options):
    return aaw_sample(advantages.abs().max() - advantages.abs(), **options)


def misplaced(advantages, **options):
    return aaw_sample(advantages.roll(7), **options)


def uniform(advantages, **options):
    return aaw_sample(torch.zeros_like(advantages), **options)


group_advantages, aaw_sample = baseline.group_advantages, episodes.aaw_sample


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (baseline, "group_advantages", losing),
        (episodes, "aaw_sample", smallest_first),
        (episodes, "aaw_sample", misplaced),
        (episodes, "aaw_sample", uniform),
    ],
)
def test_what_is_broken_does_not_learn(success, monkeypatch, module, name, broken):
    monkeypatch.setattr(module, name, broken)
    assert success()[1] < 0.6
