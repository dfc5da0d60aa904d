"""From groups of episodes to token batches: who is kept, and with which advantage."""

import pytest
import torch

from arena.match.episode import Step
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.layers import resolve
from arena.training.msgrpo.advantage import group_advantages
from arena.training.msgrpo.batch import token_batch
from arena.training.msgrpo.credit import state_key
from arena.training.msgrpo.episodes import choose_episodes, credit_rollout, mean_kept_advantage
from arena.training.msgrpo.mismatch import with_trainer_logprobs
from arena_agents import Observation, Reply, TokenSample
from arena_games.base import UsageError


def config(**settings):
    return resolve(MsgrpoConfig, {"game": "frozen-lake", "agent": "nano"}, settings)


def trajectory(rewards, name="x"):
    """A trajectory whose replies are all different tokens, unless `name` repeats."""
    steps = []
    for turn, reward in enumerate(rewards):
        sample = TokenSample((1, 2, turn), (sum(map(ord, name)) + 5, turn + 200), (-0.5, -0.25))
        seen = Observation("frozen-lake", 0, turn, f"state {turn}", (0, 1, 2, 3))
        steps.append(Step(0, seen, Reply("text", sample), 0, None, reward))
    return Trajectory(tuple(steps), sum(rewards), rewards[-1] > 0)


def generator():
    return torch.Generator().manual_seed(0)


def test_every_step_inherits_its_episodes_advantage():
    group = tuple(trajectory([0.0] * n + [r], f"{n}{r}") for n, r in [(1, 1.0), (2, 0.0), (0, 0.0), (3, 0.0)])
    chosen = choose_episodes(Rollout((group,)), config(keep=1.0), generator())
    advantages = group_advantages(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))[0].tolist()
    by_length = {len(t.steps): step_advantages for t, step_advantages in chosen}
    for t, advantage in zip(group, advantages, strict=True):
        assert by_length[len(t.steps)] == pytest.approx([advantage] * len(t.steps))


def test_groups_without_a_difference_are_left_out():
    equal = tuple(trajectory([1.0], str(i)) for i in range(4))
    mixed = tuple(trajectory([float(i == 0)], str(i)) for i in range(4))
    kept = choose_episodes(Rollout((equal, mixed)), config(keep=1.0), generator())
    assert len(kept) == 4
    assert choose_episodes(Rollout((equal,)), config(), generator()) == []
    assert choose_episodes(Rollout(()), config(), generator()) == []


def test_aaw_prefers_large_advantages_and_uniform_does_not():
    group = (trajectory([10.0], "a"), *(trajectory([float(i % 2)], f"b{i}") for i in range(15)))
    rare = {"aaw": 0, "uniform": 0}
    for seed in range(200):
        for sampling in rare:
            chosen = choose_episodes(
                Rollout((group,)),
                config(keep=0.25, episode_sampling=sampling, episode_temperature=0.5),
                torch.Generator().manual_seed(seed),
            )
            assert len(chosen) == 4
            rare[sampling] += any(t.total == 10.0 for t, _ in chosen)
    assert rare["aaw"] == 200
    assert rare["uniform"] == pytest.approx(50, abs=25)


@pytest.mark.parametrize(("keep", "with_replacement"), [(1.0, True), (0.5, False)])
@pytest.mark.parametrize("temperature", [0.25, 1.0])
def test_importance_correction_makes_the_drawn_sum_unbiased(keep, with_replacement, temperature):
    group = tuple(trajectory([float(i)], str(i)) for i in range(6))
    settings = {"keep": keep, "with_replacement": with_replacement, "importance_correction": True}
    settings["episode_temperature"] = temperature
    full = group_advantages(torch.tensor([[float(i) for i in range(6)]]))[0]
    sums = []
    for seed in range(1000):
        chosen = choose_episodes(Rollout((group,)), config(**settings), torch.Generator().manual_seed(seed))
        sums.append(sum(a[0] * t.total for t, a in chosen) / len(chosen))
    expected = float((full * torch.arange(6)).mean())
    spread = float(torch.tensor(sums).std()) / len(sums) ** 0.5
    assert sum(sums) / len(sums) == pytest.approx(expected, abs=5 * spread)


def test_a_mean_over_tokens_cannot_be_corrected():
    with pytest.raises(UsageError, match="importance_correction is exact for loss_mean=episode only"):
        config(loss_mean="token", importance_correction=True)


@pytest.mark.parametrize(("successes", "leans"), [(1, 0.2), (8, 0.0), (15, -0.2)])
def test_the_mean_kept_advantage_tells_which_way_the_draw_leans(successes, leans):
    """0 if all are kept; with few successes AAW keeps them, with few failures those."""
    rollout = Rollout((tuple(trajectory([float(i < successes)], str(i)) for i in range(16)),))
    for keep, expected in ((1.0, 0.0), (0.5, leans)):
        settings = config(keep=keep, episode_temperature=1.0)
        credited = credit_rollout(rollout, settings, state_key(None))
        found = []
        for seed in range(200):
            draw = torch.Generator().manual_seed(seed)
            chosen = choose_episodes(rollout, settings, draw, credited)
            by_hand = [a[0] for _, a in chosen]
            found.append(mean_kept_advantage(rollout, credited, chosen))
            assert found[-1] == pytest.approx(sum(by_hand) / len(by_hand))
        mean = sum(found) / len(found)
        assert mean == pytest.approx(0, abs=0.06) if not expected else mean * expected > 0.02
    assert mean_kept_advantage(rollout, credited, []) is None


def test_return_to_go_compares_the_same_turn_of_the_group():
    group = (trajectory([0.0, 1.0], "a"), trajectory([1.0, 0.0], "b"))
    settings = {"keep": 1.0, "credit": "return_to_go", "discount": 0.5, "advantage_scale": "none"}
    chosen = choose_episodes(Rollout((group, group[::-1])), config(**settings), generator())
    assert chosen == []
    group = (trajectory([0.0, 1.0], "a"), trajectory([0.0, 0.0], "b"))
    chosen = choose_episodes(Rollout((group,)), config(**settings), generator())
    found = {t.total: a for t, a in chosen}
    assert found == {1.0: pytest.approx([0.25, 0.5]), 0.0: pytest.approx([-0.25, -0.5])}


def test_credit_within_a_group_is_scaled_by_one_deviation():
    """A turn where the group differs by little must weigh less than one where it differs by much."""
    group = (trajectory([5.0, 0.1], "a"), trajectory([0.0, 0.0], "b"))
    settings = {"keep": 1.0, "credit": "return_to_go", "discount": 0.0}
    found = {t.total: a for t, a in choose_episodes(Rollout((group,)), config(**settings), generator())}
    deviation = ((2 * 2.5**2 + 2 * 0.05**2) / 4) ** 0.5
    assert found[5.1] == pytest.approx([2.5 / deviation, 0.05 / deviation], rel=1e-4)
    assert found[0.0] == pytest.approx([-2.5 / deviation, -0.05 / deviation], rel=1e-4)


def test_step_group_compares_equal_states():
    group = (trajectory([0.0, 1.0], "a"), trajectory([0.0, 0.0], "b"), trajectory([1.0], "c"))
    chosen = choose_episodes(
        Rollout((group,)), config(keep=1.0, credit="step_group", advantage_scale="none"), generator()
    )
    found = {t.steps[0].reply.sample.token_ids[0]: a for t, a in chosen}
    first = {key: value[0] for key, value in found.items()}
    # The state's term equals the episode's here, and is added to it.
    assert sorted(first.values()) == pytest.approx([-4 / 3, 2 / 3, 2 / 3])
    assert sum(a[1] for a in found.values() if len(a) > 1) == pytest.approx(1 / 3 - 2 / 3)


def test_equal_tokens_share_a_sequence_and_keep_their_own_advantages():
    twin = trajectory([1.0, 0.0], "same")
    batch = token_batch([(twin, [0.5, 0.5]), (twin, [-1.0, -1.0])], config())
    assert len(batch.prompts) == 2
    assert batch.sequence_N.tolist() == [0, 1, 0, 1]
    assert batch.advantages_N.tolist() == [0.5, 0.5, -1.0, -1.0]
    assert batch.weights_NK.sum().item() == pytest.approx(1.0)
    assert batch.old_logprobs_NK.tolist() == [[-0.5, -0.25]] * 4


def test_a_reply_without_tokens_cannot_be_trained_on():
    bare = Step(0, Observation("g", 0, 0, "t", (0,)), Reply("text"), 0, None, 0.0)
    with pytest.raises(ValueError, match="tokens"):
        token_batch([(Trajectory((bare,), 0.0, False), [1.0])], config())


@pytest.mark.parametrize("mean", ["episode", "token"])
def test_tokens_that_were_not_drawn_weigh_nothing(mean):
    """A step of 4 tokens, 2 of them put there, weighs as one of the 2 that were drawn."""
    sample = TokenSample((1, 2), (5, 6, 7, 8), (-0.5, 0.0, 0.0, -0.25), appended=(1, 2))
    seen = Observation("frozen-lake", 0, 0, "state", (0, 1, 2, 3))
    thought = Trajectory((Step(0, seen, Reply("text", sample), 0, None, 1.0),), 1.0, True)
    batch = token_batch([(thought, [1.0]), (trajectory([0.0]), [-1.0])], config(loss_mean=mean))
    assert batch.replies[0] == (5, 6, 7, 8)
    assert batch.weights_NK.tolist() == [[0.25, 0, 0, 0.25], [0.25, 0.25, 0, 0]]
    trainer_UK = torch.tensor([[-0.5, -9.0, -9.0, -0.25], [-0.5, -0.25, 0.0, 0.0]])
    weighed, mismatch = with_trainer_logprobs(batch, trainer_UK, 2.0)
    assert mismatch == 0
    assert weighed.importance_NK.tolist() == [[1.0] * 4] * 2
