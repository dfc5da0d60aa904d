"""Advantages and AAW against plain loops and closed forms."""

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.training.msgrpo.advantage import (
    aaw_probabilities,
    aaw_sample,
    group_advantages,
    informative_groups,
    returns_to_go,
)

RETURNS = st.lists(st.floats(-5, 5), min_size=2, max_size=8)


@given(st.lists(RETURNS.map(lambda row: (row * 4)[:8]), min_size=1, max_size=4))
def test_group_advantages_match_a_plain_loop(rows):
    advantages_BG = group_advantages(torch.tensor(rows, dtype=torch.float64))
    for row, advantages in zip(rows, advantages_BG.tolist(), strict=True):
        mean = sum(row) / len(row)
        std = math.sqrt(sum((r - mean) ** 2 for r in row) / len(row))
        expected = [(r - mean) / (std + 1e-6) for r in row]
        assert advantages == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_scale_none_only_centres():
    returns_BG = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    assert group_advantages(returns_BG, scale="none").tolist() == [[-1.0, 1.0], [0.0, 0.0]]


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="scale"):
        group_advantages(torch.zeros(1, 2), scale="max")


def test_groups_of_equal_returns_are_uninformative():
    returns_BG = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    assert informative_groups(returns_BG).tolist() == [False, True]


def test_aaw_probabilities_are_a_softmax_of_the_absolute_advantage():
    advantages = torch.tensor([-2.0, 0.5, 1.0], dtype=torch.float64)
    weights = [math.exp(abs(a) / 0.7) for a in advantages.tolist()]
    expected = [w / sum(weights) for w in weights]
    assert aaw_probabilities(advantages, 0.7).tolist() == pytest.approx(expected)


def test_a_hot_temperature_is_uniform_and_a_cold_one_keeps_the_largest():
    advantages = torch.tensor([0.1, -3.0, 2.0, -0.5])
    assert aaw_probabilities(advantages, 1e9).tolist() == pytest.approx([0.25] * 4, abs=1e-6)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        chosen = aaw_sample(advantages, k=2, temperature=1e-6, generator=generator)
        assert sorted(chosen.tolist()) == [1, 2]


def test_sampling_without_replacement_has_the_frequencies_of_successive_draws():
    advantages = torch.tensor([0.0, 1.0, -2.0])
    p = aaw_probabilities(advantages.double(), 1.0).tolist()
    expected = {(i, j): p[i] * p[j] / (1 - p[i]) for i, j in permutations(range(3), 2)}
    generator, draws = torch.Generator().manual_seed(0), 20_000
    counts = dict.fromkeys(expected, 0)
    for _ in range(draws):
        first, second = aaw_sample(advantages, k=2, temperature=1.0, generator=generator).tolist()
        counts[first, second] += 1
    for pair, probability in expected.items():
        error = math.sqrt(probability * (1 - probability) / draws)
        assert counts[pair] / draws == pytest.approx(probability, abs=5 * error)


def test_sampling_with_replacement_has_the_probabilities_as_frequencies():
    advantages = torch.tensor([0.0, 1.0, -2.0])
    generator = torch.Generator().manual_seed(0)
    chosen = aaw_sample(advantages, k=50_000, temperature=1.0, generator=generator, replacement=True)
    frequencies = (torch.bincount(chosen, minlength=3) / len(chosen)).tolist()
    assert frequencies == pytest.approx(aaw_probabilities(advantages, 1.0).tolist(), abs=0.012)


def test_draws_without_replacement_are_distinct_where_probabilities_underflow():
    advantages = torch.tensor([1000.0, 0.0, 0.0, 0.0])
    generator = torch.Generator().manual_seed(1)
    chosen = aaw_sample(advantages, k=4, temperature=0.1, generator=generator)
    assert sorted(chosen.tolist()) == [0, 1, 2, 3]


def test_a_generator_repeats_its_draws():
    advantages = torch.randn(32, generator=torch.Generator().manual_seed(3))
    draws = [
        aaw_sample(advantages, k=8, temperature=1.0, generator=torch.Generator().manual_seed(7)).tolist()
        for _ in range(2)
    ]
    assert draws[0] == draws[1]


def test_too_many_draws_are_refused():
    with pytest.raises(ValueError, match="without replacement"):
        aaw_sample(torch.zeros(3), k=4, temperature=1.0, generator=torch.Generator())


@given(st.lists(st.floats(-2, 2), max_size=8), st.floats(0, 1))
def test_returns_to_go_match_the_sum(rewards, discount):
    expected = [
        sum(discount ** (s - t) * rewards[s] for s in range(t, len(rewards))) for t in range(len(rewards))
    ]
    assert returns_to_go(rewards, discount) == pytest.approx(expected)
