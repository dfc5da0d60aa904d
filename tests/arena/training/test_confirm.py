"""A policy is kept as the best on more episodes than a look has: whose, at what cost, and resumed alike."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.training.best_look import best_look
from arena.training.config import MsgrpoConfig
from arena.training.language.guard import Guard
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config, new_sft_config, stored_config
from arena.training.start import train

TINY = ["groups=2", "group_size=4", "eval_episodes=4", "eval_every=1", "checkpoint_every=1", "warmup=0"]

Returns = tuple[float, ...]

OWN, FURTHER = 6, 12
looks = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=OWN + FURTHER, max_size=OWN + FURTHER),
    min_size=1,
    max_size=12,
)


def begun(returns: list[float]) -> Guard:
    own = returns[:OWN]
    return Guard(fmean(own), fmean(returns), 0, 0.5, best_returns=tuple(own))


@given(looks)
def test_the_best_is_the_best_of_those_that_were_confirmed(found: list[list[float]]) -> None:
    """By a naive loop over everything that was ever measured."""
    guard = begun(found[0])
    confirmed = {0: fmean(found[0])}
    for step, returns in enumerate(found[1:], start=1):
        own, best = fmean(returns[:OWN]), max(confirmed, key=lambda at: (confirmed[at], at))
        candidate = own >= min(confirmed[best], fmean(found[best][:OWN]))
        assert guard.may_be_best(returns[:OWN]) == candidate
        if candidate:
            confirmed[step] = fmean(returns)
        guard, seen = guard.look(step, returns[:OWN], returns[OWN:] if candidate else ())
        kept = max(confirmed, key=lambda at: (confirmed[at], at))
        assert (seen == "best") == (kept == step)
        assert (guard.best_step, guard.best) == (kept, confirmed[kept])


def test_a_lucky_look_is_found_out() -> None:
    lucky, steady = [1.0] * 50 + [0.0] * 150, [1.0] * 180 + [0.0] * 20
    guard, seen = begun([0.0] * 200).look(1, lucky[:50], lucky[50:])
    assert (seen, guard.best) == ("best", 0.25)
    guard, seen = guard.look(2, [1.0] * 45 + [0.0] * 5, steady[45:195])
    assert seen == "best"  # below the lucky look's own episodes, not below what confirmed it
    assert guard.look(3, [1.0] * 50, [0.0] * 150)[1] == "neither"


def flattery(chances: np.ndarray, own: int, further: int, generator: np.random.Generator) -> float:
    """By how much the score that chose a policy exceeds what the policy is, on a plateau."""

    def measured(chance: float) -> list[float]:
        return (generator.random(own + further) < chance).astype(float).tolist()

    first = measured(chances[0])
    guard = Guard(fmean(first[:own]), fmean(first), 0, 0.5, best_returns=first[:own])
    for step, chance in enumerate(chances[1:], start=1):
        returns = measured(chance)
        more = returns[own:] if guard.may_be_best(returns[:own]) else []
        guard, _ = guard.look(step, returns[:own], more)
    return guard.best - float(chances[guard.best_step])


def test_confirming_halves_what_choosing_flatters() -> None:
    generator = np.random.default_rng(0)
    chances = [generator.normal(0.95, 0.01, 16).clip(0, 1) for _ in range(200)]
    plain = fmean(flattery(of, 50, 0, generator) for of in chances)
    confirmed = fmean(flattery(of, 50, 150, generator) for of in chances)
    assert confirmed < 0.6 * plain


def rows_of(run: Path) -> list[dict[str, Any]]:
    """All that was logged but times."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    times = ("seconds", "tokens_per_s", "peak_memory")
    return [{k: v for k, v in row.items() if not k.startswith(times)} for row in rows]


def test_training_is_the_same_and_only_candidates_are_confirmed(tmp_path: Path) -> None:
    plain, confirmed = (
        rows_of(train("frozen-lake", "nano", out=tmp_path / name, steps=3, seed=0, settings=[*TINY, *more]))
        for name, more in (("plain", ["confirm_episodes=0"]), ("confirmed", []))
    )
    for was, row in zip(plain, confirmed, strict=True):
        assert {k: v for k, v in row.items() if "confirmed" not in k} == {
            k: v for k, v in was.items() if "confirmed" not in k
        }
        assert was["eval/confirmed_return"] is None
    best, own = confirmed[0]["eval/confirmed_return"], confirmed[0]["eval/return"]
    for row in confirmed:
        candidate = row["step"] == 0 or row["eval/return"] >= min(best, own)
        assert (row["eval/confirmed_episodes"] == 16) == candidate
        if candidate and row["eval/confirmed_return"] >= best:
            best, own = row["eval/confirmed_return"], row["eval/return"]


class KilledError(Exception):
    """In place of a kill."""


def test_a_run_that_was_cut_confirms_as_if_undisturbed(tmp_path: Path) -> None:
    whole = train("frozen-lake", "nano", out=tmp_path / "whole", steps=3, seed=0, settings=TINY)

    def stop(row: dict[str, Any]) -> None:
        if row["step"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train("frozen-lake", "nano", out=tmp_path / "cut", steps=3, seed=0, settings=TINY, on_step=stop)
    cut = train(resume=tmp_path / "cut")
    assert rows_of(cut) == rows_of(whole)
    assert (cut / "best/model.safetensors").read_bytes() == (whole / "best/model.safetensors").read_bytes()


def test_short_looks_are_confirmed_on_few_and_long_ones_need_no_more() -> None:
    given = {"game": "frozen-lake", "agent": "nano"}

    def further(*settings: str) -> int:
        config = new_config(given, settings, None)
        assert isinstance(config, MsgrpoConfig)
        return config.further_episodes

    assert further() == 150
    assert further("eval_episodes=2") == 6
    assert further("eval_episodes=200") == further("eval_episodes=900") == 0
    assert further("confirm_episodes=0") == further("confirm_episodes=50") == 0
    assert further("confirm_episodes=500") == 450
    taught = {**given, "teacher": "search"}
    assert new_sft_config(taught, (), None).further_episodes == 100
    assert new_sft_config({**taught, "agent": "hf:somewhere"}, (), None).further_episodes == 0


def test_older_runs_go_on_as_they_chose(tmp_path: Path) -> None:
    config = new_config({"game": "frozen-lake", "agent": "nano"}, (), None)
    run = RunFolder.create(tmp_path / "run", config)
    path = run.path / "config.json"
    stored = json.loads(path.read_text())
    del stored["confirm_episodes"]
    path.write_text(json.dumps(stored))
    resumed = stored_config(run)
    assert isinstance(resumed, MsgrpoConfig)
    assert (resumed.further_episodes, resumed.confirm_episodes) == (0, 0)
    path.write_text(json.dumps(stored | {"eval_episodes": 200}))
    resumed = stored_config(run)
    assert isinstance(resumed, MsgrpoConfig)
    assert (resumed.further_episodes, resumed.confirm_episodes) == (0, None)  # the same as if begun today


def test_the_best_look_is_read_from_what_was_confirmed() -> None:
    assert best_look([]) is None
    plain = [{"step": step, "eval/return": value} for step, value in enumerate([0.5, None, 0.9, 0.9, 0.1])]
    assert best_look(plain) == plain[3]
    confirmed = [row | {"eval/confirmed_return": None} for row in plain]
    confirmed[0]["eval/confirmed_return"], confirmed[2]["eval/confirmed_return"] = 0.4, 0.3
    assert best_look(confirmed) == confirmed[0]
