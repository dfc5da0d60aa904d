"""Who sits where, and what a rollout keeps."""

import pytest

from arena.match.seating import LEARNER, held_out_seating, opponent_agents, training_seating
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
