"""Further start states are played until enough groups differ, and no more than that."""

import pytest

from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.refill import first_informative, play_until_informative


def group(*returns):
    return tuple(Trajectory((), total, False) for total in returns)


EQUAL, DIFFERENT = group(1.0, 1.0), group(0.0, 1.0)


class Plays:
    """Start states by whether their groups differ; remembers what it was asked."""

    def __init__(self, differs):
        self.differs, self.asked = differs, []

    def __call__(self, starts):
        self.asked.append(list(starts))
        return Rollout(tuple(DIFFERENT if self.differs(start) else EQUAL for start in starts))


def test_nothing_more_is_played_without_refill_or_where_all_differ():
    for differs, refill in ((lambda start: False, 0), (lambda start: True, 5)):
        play = Plays(differs)
        rollout, wanted = play_until_informative(play, 4, refill)
        assert len(rollout.groups) == wanted == 4
        assert play.asked == [[0, 1, 2, 3]]


def test_start_states_are_new_until_there_are_enough_groups():
    play = Plays(lambda start: start % 2 == 0)
    rollout, wanted = play_until_informative(play, 4, 5)
    # Two of four are missing, and one of two differs: four more, of which two differ.
    assert play.asked == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert first_informative(rollout, wanted).groups == (DIFFERENT,) * 4


def test_the_rollouts_are_capped():
    play = Plays(lambda start: False)
    rollout, _ = play_until_informative(play, 4, 2)
    assert play.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert first_informative(rollout, 4).groups == ()


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_what_is_missing_decides_how_many_more(missing):
    play = Plays(lambda start: start >= missing)
    play_until_informative(play, 4, 1)
    share = (4 - missing) / 4
    assert len(play.asked[1]) == min(4, -(-missing // share))


def test_more_informative_groups_than_wanted_are_left_aside():
    rollout = Rollout((EQUAL, DIFFERENT, EQUAL, group(0.0, 2.0), DIFFERENT), failed_groups=1)
    assert [g[1].total for g in first_informative(rollout, 2).groups] == [1.0, 2.0]
