"""Who sits where, and what a rollout keeps."""

import pytest

from arena.match.seating import (
    LEARNER,
    against,
    check_frozen,
    held_out_seating,
    opponent_agents,
    training_seating,
)
from arena.match.seeds import Split, episode_seed
from arena.training.language.rollout import collect
from arena_agents import Agent, Reply
from arena_agents.random import RandomAgent
from arena_games.base import UsageError
from arena_games.registry import find_game


class Crashes(Agent):
    """Fails on every second seed."""

    def act(self, observations):
        return [
            Reply("", error="broken") if o.seed % 2 else Reply("<action>up</action>") for o in observations
        ]


@pytest.mark.parametrize(
    ("game", "opponents", "training", "held_out"),
    [
        ("frozen-lake", "house", [LEARNER], [LEARNER]),
        ("snake", "house", [LEARNER, "house:random"], [LEARNER, "house:random"]),
        ("snake", "self", [LEARNER, LEARNER], [LEARNER, "house:random"]),
        ("snake", "search", [LEARNER, "search"], [LEARNER, "search"]),
        ("snake-duel", "house", [LEARNER, LEARNER], ["random", LEARNER]),
        ("snake-duel", "search", ["search", LEARNER], ["search", LEARNER]),
        ("snake-royale", "search", ["search", LEARNER, "search", "search"], None),
    ],
)
def test_seats(game, opponents, training, held_out):
    spec = find_game(game)
    assert list(training_seating(spec, opponents)(1)) == training
    if held_out:
        assert list(held_out_seating(spec, opponents)(1)) == held_out
    assert {*training, *(held_out or ())} - {LEARNER} <= set(opponent_agents(spec, opponents))


def test_the_learner_takes_the_open_seats_in_turn():
    seating = training_seating(find_game("snake-royale"), "search")
    assert [seating(start).index(LEARNER) for start in range(5)] == [0, 1, 2, 3, 0]


@pytest.mark.parametrize("frozen", [(0,), (1, 3), (0, 1, 2)])
def test_frozen_seats_are_not_taken_where_the_learner_meets_others(frozen):
    spec = find_game("snake-royale")
    learns = [seat for seat in range(4) if seat not in frozen]
    for seating in (
        training_seating(spec, "search", frozen),
        against(spec, "search", frozen),
        held_out_seating(spec, "house", frozen),
    ):
        taken = [seating(start).index(LEARNER) for start in range(2 * len(learns))]
        assert taken == learns * 2
    assert training_seating(spec, "house", frozen)(0) == (LEARNER,) * 4  # it holds them beside itself


def test_frozen_seats_are_played_alike_and_not_learned_from():
    spec, agents = find_game("snake-royale"), {LEARNER: RandomAgent()}
    seeds = [episode_seed(Split.TRAIN, 0, 2, b) for b in range(3)]
    seating = training_seating(spec, "house")
    whole = collect(spec, agents, seeds, seating, repeats=2)
    part = collect(spec, agents, seeds, seating, repeats=2, frozen=(0, 2))
    expected = []
    for group in whole.groups:
        if group[0].steps[0].seat in (1, 3):
            expected.append([(one.total, [step.action for step in one.steps]) for one in group])
    found = [[(one.total, [step.action for step in one.steps]) for one in group] for group in part.groups]
    assert found == expected
    assert len(found) == 3 * 2


def test_seats_that_cannot_be_frozen_are_named():
    for game, frozen, words in (
        ("snake-duel", (2,), "snake-duel has no seat 2: its open seats are 0, 1"),
        ("snake-duel", (0, 1), "no open seat is left"),
        ("snake", (0,), "no open seat is left"),
    ):
        with pytest.raises(UsageError, match=words):
            check_frozen(find_game(game), frozen)
    check_frozen(find_game("snake-duel"), (0,))


def test_an_opponent_that_is_not_known_is_refused():
    with pytest.raises(UsageError, match="unknown agent"):
        opponent_agents(find_game("snake"), "nobody")
    with pytest.raises(UsageError, match="self"):
        opponent_agents(find_game("snake"), LEARNER)


def test_groups_share_the_start_and_differ_afterwards():
    spec = find_game("snake-duel")
    seeds = [episode_seed(Split.TRAIN, 0, 0, b) for b in range(3)]
    agents = {LEARNER: RandomAgent(), "random": RandomAgent()}
    rollout = collect(spec, agents, seeds, training_seating(spec, "house"), repeats=4)
    assert len(rollout.groups) == 3 * 2
    assert rollout.returns_BG().shape == (6, 4)
    for group in rollout.groups:
        assert len({t.steps[0].observation.text for t in group}) == 1
        assert len({t.steps[0].observation.seat for t in group}) == 1
        assert len({tuple(s.action for s in t.steps) for t in group}) > 1


def test_a_failed_episode_spoils_its_group_and_no_other():
    spec = find_game("snake")
    agents = {LEARNER: RandomAgent(), "crashes": Crashes()}
    seeds = [episode_seed(Split.TRAIN, 0, 1, b) for b in range(8)]
    rollout = collect(spec, agents, seeds, training_seating(spec, "crashes"))
    assert rollout.failed_groups + len(rollout.groups) == 8
    assert rollout.failed_groups > 0


def test_splits_never_share_a_seed():
    seeds = {split: {episode_seed(split, s, i) for s in range(5) for i in range(200)} for split in Split}
    assert all(len(found) == 1000 for found in seeds.values())
    assert not seeds[Split.TRAIN] & seeds[Split.VALIDATION]
    assert not seeds[Split.TRAIN] & seeds[Split.TEST]
    assert not seeds[Split.VALIDATION] & seeds[Split.TEST]
    assert all(seed < 2**48 for found in seeds.values() for seed in found)
