"""What a rollout shows of a policy's health, on planted policies."""

import math
import random
from statistics import fmean, stdev

import pytest

from arena.match.episode import Step
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.signs import SIGNS, mutual_information, signs
from arena_agents import Observation, Reply


def said(policy, prompts=16, times=8, seed=0):
    draw = random.Random(seed)
    return [(f"prompt {p}", policy(p, draw)) for p in range(prompts) for _ in range(times)]


def test_replies_that_ignore_the_prompt_share_no_information_with_it():
    found = [mutual_information(said(lambda p, draw: draw.randrange(4), seed=s)) for s in range(50)]
    assert fmean(found) == pytest.approx(0, abs=4 * stdev(found) / math.sqrt(len(found)))
    assert stdev(found) < 0.1
    assert mutual_information(said(lambda p, draw: 2)) == pytest.approx(0, abs=1e-9)


def test_replies_that_follow_from_the_prompt_share_nearly_all():
    assert mutual_information(said(lambda p, draw: p % 4)) > 0.8 * math.log(4)


def test_too_few_repeated_prompts_tell_nothing():
    assert mutual_information([(f"prompt {n}", n % 4) for n in range(200)]) is None
    assert mutual_information(said(lambda p, draw: p % 4, prompts=2, times=8)) is None


def trajectory(actions, total, invalid=None):
    steps = [
        Step(0, Observation("g", 0, turn, f"turn {turn}", (0, 1)), Reply(""), action, invalid, 0.0)
        for turn, action in enumerate(actions)
    ]
    return Trajectory(tuple(steps), total, False)


def test_the_signs_of_a_rollout():
    differs = (trajectory([1, 1, 1], 2.0), trajectory([1, 0], 0.0))
    same = (trajectory([1], 1.0), trajectory([0], 1.0, invalid="no tag"))
    found = signs(Rollout((differs, same)))
    assert found["informative_groups"] == 0.5
    assert found["return_std"] == 0.5
    assert (found["top_action"], found["top_action_share"]) == (1, 5 / 6)
    shares = (5 / 6, 1 / 6)
    assert found["action_entropy"] == pytest.approx(-sum(p * math.log(p) for p in shares))


def test_nothing_played_has_no_signs():
    assert signs(Rollout(())) == dict.fromkeys(SIGNS)
    garbled = (trajectory([1], 0.0, invalid="no tag"),) * 2
    assert signs(Rollout((garbled,)))["top_action"] is None
