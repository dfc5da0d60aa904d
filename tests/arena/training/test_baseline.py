"""What returns are compared with: plain loops, and what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import Step
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.layers import resolve
from arena.training.msgrpo.baseline import SeatBaselines, episode_advantages, leave_one_out_advantages
from arena_agents import Observation, Reply
from arena_games.base import UsageError

GROUPS = st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=1, max_size=4)


def rollout(seats, returns_BG):
    def trajectory(seat, total):
        step = Step(seat, Observation("g", seat, 0, "t", (0,)), Reply(""), 0, None, total)
        return Trajectory((step,), total, False)

    pairs = zip(seats, returns_BG, strict=True)
    return Rollout(tuple(tuple(trajectory(seat, total) for total in row) for seat, row in pairs))


@given(GROUPS)
def test_leave_one_out_compares_with_the_others_alone(rows):
    found = leave_one_out_advantages(torch.tensor(rows, dtype=torch.float64), scale="none").tolist()
    for row, advantages in zip(rows, found, strict=True):
        for j, advantage in enumerate(advantages):
            others = [r for i, r in enumerate(row) if i != j]
            assert advantage == pytest.approx(row[j] - sum(others) / len(others), abs=1e-9)


def test_a_group_of_one_has_no_others():
    with pytest.raises(ValueError, match="no others"):
        leave_one_out_advantages(torch.zeros(2, 1))


def test_each_seat_has_a_running_mean_of_its_own():
    seats = SeatBaselines(0.9, {0: 1.0})
    seat_of_group, returns = [0, 1, 0], [[2.0, 0.0], [5.0, 7.0], [1.0, 1.0]]
    found = seats.advantages(rollout(seat_of_group, returns), scale="none")
    # Seat 1 was never seen: its first rollout is compared with its own mean.
    assert found.tolist() == [[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]]
    expected = {0: 1.0, 1: 6.0}
    for seat, row in zip(seat_of_group, returns, strict=True):
        for value in row:
            expected[seat] = 0.9 * expected[seat] + 0.1 * value
    assert seats.means == pytest.approx(expected)
    later = seats.advantages(rollout([1], [[expected[1]] * 2]), scale="none")
    assert later.tolist() == [pytest.approx([0.0, 0.0])]


def test_the_baselines_go_on_from_what_was_logged():
    seats = SeatBaselines(0.9)
    seats.advantages(rollout([0, 1], [[1.0, 0.1], [0.3, 0.7]]))
    assert SeatBaselines.logged(0.9, {"step": 3, **seats.metrics()}).means == seats.means
    assert SeatBaselines.logged(0.9, {"step": 0}).means == {}


def test_the_scale_is_that_of_the_seats_episodes():
    found = SeatBaselines(0.5, {0: 0.0}).advantages(rollout([0, 0], [[1.0], [3.0]]))
    assert found.flatten().tolist() == pytest.approx([1.0, 3.0], rel=1e-4)


def test_groups_of_one_learn_by_the_seats_mean():
    config = MsgrpoConfig(game="g", agent="nano", group_size=1, baseline="seat_ema", advantage_scale="none")
    found = episode_advantages(rollout([0, 0], [[1.0], [0.0]]), config, SeatBaselines(0.5, {0: 0.25}))
    assert found.tolist() == [[0.75], [-0.25]]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"group_size": 1}, "baseline=seat_ema"),
        ({"group_size": 1, "baseline": "leave_one_out"}, "larger group_size"),
        ({"credit": "return_to_go", "baseline": "leave_one_out"}, "leave baseline=leave_one_out out"),
        ({"refill": 2, "baseline": "seat_ema"}, "leave refill out"),
        ({"refill": 2, "credit": "turn_gae"}, "leave refill out"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_in_one_line(settings, words):
    with pytest.raises(UsageError, match=words) as refused:
        resolve(MsgrpoConfig, {"game": "frozen-lake", "agent": "nano"}, settings)
    assert "\n" not in str(refused.value)
