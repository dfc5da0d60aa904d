"""Turn-level GAE against its sum, and the critic: it learns, repeats, and goes on from a checkpoint."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import Step
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.critic import Critic, turn_gae
from arena_agents import Observation, Reply
from arena_games.base import UsageError

TURNS = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=6)


@given(TURNS, st.floats(0, 1), st.floats(0, 1))
def test_gae_is_the_sum_of_the_later_surprises(turns, discount, decay):
    rewards, values = zip(*turns, strict=True)
    after = [*values[1:], 0.0]
    surprises = [r + discount * v1 - v0 for r, v0, v1 in zip(rewards, values, after, strict=True)]
    for h, advantage in enumerate(turn_gae(rewards, values, discount, decay)):
        expected = sum((discount * decay) ** later * d for later, d in enumerate(surprises[h:]))
        assert advantage == pytest.approx(expected, abs=1e-9)


def test_with_full_traces_it_is_the_return_to_go_less_the_value():
    assert turn_gae([1.0, 0.0, 2.0], [0.5, 0.25, 1.0], 1.0, 1.0) == pytest.approx([2.5, 1.75, 1.0])


def rollout(seed, episodes=32, grid=True):
    """Two turns; the view says what the episode's last reward will be."""
    draw = np.random.default_rng(seed)

    def episode():
        won = float(draw.integers(2))
        view = np.array([[[won, 1.0]]], np.float32) if grid else None
        steps = [
            Step(0, Observation("g", 0, turn, "t", (0,), grid=view), Reply(""), 0, None, won * turn)
            for turn in range(2)
        ]
        return Trajectory(tuple(steps), won, bool(won))

    return Rollout(tuple((episode(), episode()) for _ in range(episodes // 2)))


def critic(**settings):
    return Critic(**{"discount": 1.0, "decay": 1.0, "rate": 1e-2, "scale": "none", "seed": 0, **settings})


def test_what_is_foreseen_is_no_ones_merit():
    learned = critic()
    losses = []
    for seed in range(30):
        advantages = learned.advantages(rollout(seed))
        losses.append(learned.loss)
    assert losses[0] > 0.2
    assert losses[-1] < 0.01
    assert max(abs(a) for group in advantages for row in group for a in row) < 0.3


def test_advantages_are_standardised_over_the_rollout():
    found = [a for g in critic(scale="std").advantages(rollout(0)) for row in g for a in row]
    assert np.mean(found) == pytest.approx(0, abs=1e-6)
    assert np.std(found) == pytest.approx(1, abs=1e-3)


def test_it_goes_on_from_a_checkpoint_and_draws_nothing_of_others(tmp_path):
    torch.manual_seed(5)
    expected_draw = torch.rand(1)
    torch.manual_seed(5)
    undisturbed, stored = critic(), critic()
    for one in (undisturbed, stored):
        one.advantages(rollout(0))
    assert torch.equal(torch.rand(1), expected_draw)
    stored.save(tmp_path)
    resumed = critic()
    resumed.load(tmp_path)
    for seed in (1, 2):
        assert resumed.advantages(rollout(seed)) == undisturbed.advantages(rollout(seed))


def test_a_checkpoint_before_the_first_rollout_holds_no_critic(tmp_path):
    critic().save(tmp_path)
    fresh = critic()
    fresh.load(tmp_path)
    assert fresh.advantages(rollout(0)) == critic().advantages(rollout(0))


def test_a_game_without_a_numeric_view_is_named():
    with pytest.raises(UsageError, match="numeric view"):
        critic().advantages(rollout(0, grid=False))
