"""Each cause is planted in what a run logs, and found; a healthy run's fall has none."""

import pytest

from arena.training.msgrpo.diagnosis import ended_flat, likeliest_cause

ACTIONS = ("left", "down", "right", "up")
HEALTHY = {
    "kept_episodes": 32,
    "kl": 3e-4,
    "entropy": 0.5,
    "engine_mismatch": 0.004,
    "invalid_rate": 0.02,
    "informative_groups": 0.7,
    "return_std": 0.4,
    "action_entropy": 1.2,
    "top_action": 2,
    "top_action_share": 0.4,
    "mutual_information": 0.4,
}
UNDONE = {"kl": None, "entropy": None}
ONE_ACTION = {"top_action_share": 0.98, "action_entropy": 0.1, "mutual_information": 0.0, "entropy": 0.02}


def rows(**fault):
    """Twenty healthy updates, the last of which was the best, and ten with this fault."""
    good = [{"step": step, **HEALTHY} for step in range(1, 21)]
    return [{"step": 0, "eval/return": 0.3}, *good, *({"step": s, **HEALTHY, **fault} for s in range(21, 31))]


@pytest.mark.parametrize(
    ("fault", "words", "remedy"),
    [
        ({"engine_mismatch": 0.3}, "engine and the trainer disagree by 0.3 nats", "mismatch=mask_tokens"),
        (UNDONE, "updates were undone", "lower learning_rate"),
        ({"kl": 0.2}, "the updates are large, 0.2 nats", "lower learning_rate"),
        ({"off_policy": 0.5}, "moves by 0.5 nats a token (0 before)", "staleness=0"),
        ({"invalid_rate": 0.7}, "70% of the replies name no legal action", "format_penalty"),
        (ONE_ACTION, "plays 'right' 98% of the time", "entropy_target=0.25"),
        ({"entropy": 0.004}, "hardly explores any more", "entropy_target=0.25"),
        ({"informative_groups": 0.05, "return_std": 0.01}, "only 5% of the groups", "refill=3"),
        ({"return_std": 0.01}, "deviation 0.01 (0.4 before)", "advantage_scale=none"),
        ({"mutual_information": 0.001}, "hardly depend on the prompt", "arena sft"),
        ({}, "no sign stands out", "eval_episodes"),
    ],
)
def test_a_planted_cause_is_found_and_its_remedy_named(fault, words, remedy):
    found = likeliest_cause(rows(**fault), 20, ACTIONS)
    assert words in found
    assert remedy in found
    assert "\n" not in found


def test_what_explains_the_others_is_said():
    """Too large a step makes a policy deterministic, and then all returns are equal."""
    everything = {"kl": 0.3, **ONE_ACTION, "informative_groups": 0.0, "return_std": 0.0}
    assert "the updates are large" in likeliest_cause(rows(**everything), 20, ACTIONS)


def test_a_run_that_never_got_better_is_compared_with_its_beginning():
    assert "hardly explores" in likeliest_cause(rows(entropy=0.004), 0, ACTIONS)


def test_a_run_of_which_little_is_known_is_no_error():
    assert likeliest_cause([], 0, ACTIONS) == "nothing was logged since the best policy"
    assert "no sign" in likeliest_cause([{"step": 1, "kept_episodes": 0}], 0, ACTIONS)
    assert "'right'" not in likeliest_cause(rows(**ONE_ACTION), 20, ())


@pytest.mark.parametrize(
    ("returns", "flat"),
    [
        ([0.3, 0.4, 0.6, 0.8, 0.81, 0.79], False),
        ([0.3, 0.28, 0.33, 0.3, 0.27, 0.31], True),
        ([0.3, 0.5, 0.2, 0.1, 0.1, 0.0], True),
        ([0.3], False),
        ([], False),
    ],
)
def test_a_flat_end(returns, flat):
    logged = [{"step": step, "eval/return": value} for step, value in enumerate(returns)]
    assert ended_flat([*logged, {"step": 99, "eval/return": None}]) == flat
