"""Runs with the options of credit and stability: what they learn beside the policy outlives a break."""

import json

import pytest

from arena.training.start import train
from tests.arena import my_games

COIN = f"{my_games.__file__}:ALONE"
TINY = [
    *("groups=3", "group_size=4", "steps=2", "warmup=0", "decode=choice"),
    *("eval_every=9", "eval_episodes=1", "checkpoint_every=1"),
]


class SeenEnoughError(Exception):
    """Whoever watches the run has seen enough."""


def interrupted(game, folder, settings, at):
    """The folders of two runs: a whole one, and one that was left at this step and gone on with."""
    whole = train(game, "nano", out=folder / "whole", seed=0, settings=settings)

    def stop(row):
        if row["step"] == at:
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        train(game, "nano", out=folder / "cut", seed=0, settings=settings, on_step=stop)
    return whole, train(resume=folder / "cut", trust=True)


def metrics(folder):
    """All that was logged but times."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    times = ("seconds", "tokens_per_s", "peak_memory")
    return [{k: v for k, v in row.items() if not k.startswith(times)} for row in rows]


@pytest.mark.parametrize(
    ("options", "logged"),
    [
        (
            ["credit=turn_gae", "entropy_target=9", "beta=0.01", "kl_estimator=unbiased_k3"],
            ["critic_loss", "entropy_coef", "kl"],
        ),
        (["baseline=seat_ema", "group_size=1", "trust_region=tv", "epochs=2"], ["baseline/seat_0", "kl"]),
        (["credit=gigpo", "discount=0.9", "baseline=leave_one_out", "refill=2"], ["step_peers"]),
    ],
    ids=["turn_gae", "seat_ema", "gigpo"],
)
def test_a_run_with_options_goes_on_as_if_undisturbed(tmp_path, options, logged):
    whole, cut = interrupted(COIN, tmp_path, [*TINY, *options], at=2)
    assert metrics(cut) == metrics(whole)
    assert all(metrics(whole)[-1][name] is not None for name in logged)


def test_refill_plays_further_start_states_and_counts_them(tmp_path):
    settings = [*TINY, "steps=1", "group_size=2", "keep=1.0"]
    settings = {n: [*settings, f"refill={n}"] for n in (0, 9)}
    runs = (train(COIN, "nano", out=tmp_path / f"{n}", seed=0, settings=settings[n]) for n in settings)
    plain, refilled = (metrics(run)[1] for run in runs)
    assert plain["informative_groups"] < 1
    assert refilled["episodes"] > plain["episodes"] == 6
    assert plain["kept_episodes"] <= refilled["kept_episodes"] <= 6
