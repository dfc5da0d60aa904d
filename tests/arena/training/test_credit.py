"""What each step is credited with, against plain loops over small groups."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import Step
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Trajectory
from arena.training.msgrpo.credit import peer_share, state_key, step_advantages
from arena_agents import Observation, Reply
from arena_games.registry import find_game


def trajectory(rewards, states):
    steps = tuple(
        Step(0, Observation("g", 0, turn, state, (0,)), Reply(""), 0, None, reward)
        for turn, (reward, state) in enumerate(zip(rewards, states, strict=True))
    )
    return Trajectory(steps, sum(rewards), False)


def config(**settings):
    return MsgrpoConfig(game="frozen-lake", agent="nano", **settings)


TURN = st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.sampled_from("abc"))  # reward, state
EPISODES = st.lists(st.lists(TURN, min_size=1, max_size=5), min_size=2, max_size=5)


def trajectories(group):
    return [trajectory(*zip(*episode, strict=True)) for episode in group]


def peers(group, state):
    """(episode, step) of all steps of the group in this state."""
    return [(j, t) for j, episode in enumerate(group) for t, (_, met) in enumerate(episode) if met == state]


def to_go(episode, turn, discount):
    return sum(discount ** (s - turn) * episode[s][0] for s in range(turn, len(episode)))


@pytest.mark.parametrize("scale", ["std", "none"])
@given(group=EPISODES, discount=st.floats(0, 1), weight=st.floats(0, 2))
def test_gigpo_is_the_episodes_term_and_that_of_the_state(scale, group, discount, weight):
    own = [float(j) - 1 for j in range(len(group))]
    settings = {"credit": "gigpo", "discount": discount, "step_weight": weight, "advantage_scale": scale}
    found = step_advantages(trajectories(group), own, config(**settings), state_key(None))
    for j, episode in enumerate(group):
        for t, (_, state) in enumerate(episode):
            values = [to_go(group[i], s, discount) for i, s in peers(group, state)]
            mean = sum(values) / len(values)
            deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values)) + 1e-6
            term = (to_go(episode, t, discount) - mean) / (deviation if scale == "std" else 1)
            assert found[j][t] == pytest.approx(own[j] + weight * term, abs=1e-6)


@given(group=EPISODES, discount=st.floats(0, 1))
def test_step_group_adds_the_episodes_advantage(group, discount):
    own = [float(j) - 1 for j in range(len(group))]
    settings = {"credit": "step_group", "discount": discount}
    found = step_advantages(trajectories(group), own, config(**settings), state_key(None))
    centred = {}
    for j, episode in enumerate(group):
        for t, (_, state) in enumerate(episode):
            values = [to_go(group[i], s, discount) for i, s in peers(group, state)]
            centred[j, t] = to_go(episode, t, discount) - sum(values) / len(values)
    deviation = math.sqrt(sum(c**2 for c in centred.values()) / len(centred)) + 1e-6
    for (j, t), value in centred.items():
        assert found[j][t] == pytest.approx(own[j] + value / deviation, abs=1e-6)


def test_the_share_of_steps_with_a_peer():
    group = [trajectory([0, 0], "ab"), trajectory([0, 0, 0], "acd")]
    assert peer_share([group], state_key(None)) == 2 / 5
    assert peer_share([group[:1], group[1:]], state_key(None)) == 0
    assert peer_share([], state_key(None)) is None


def observed(grid):
    return Observation("g", 0, 0, str(grid), (0,), grid=grid)


def test_a_mirrored_position_is_the_same_state_where_the_game_says_so():
    lake, snake, unknown = (state_key(spec) for spec in (find_game("frozen-lake"), find_game("snake"), None))
    grid = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    turned = np.rot90(grid, axes=(1, 2))
    across = grid[:, ::-1, ::-1].transpose(0, 2, 1)
    assert snake(observed(grid)) == snake(observed(turned)) == snake(observed(across))
    assert lake(observed(grid)) == lake(observed(across)) != lake(observed(turned))
    assert len({unknown(observed(view)) for view in (grid, turned, across)}) == 3
