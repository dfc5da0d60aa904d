"""Advantages and AAW against plain loops and closed forms."""

import math
from itertools import combinations, permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.training.msgrpo.advantage import (
    aaw_probabilities,
    aaw_sample,
    exceedance,
    group_advantages,
    informative_groups,
    returns_to_go,
    weighted_aaw_sample,
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


def expected_weighted_sum(advantages, values, k, temperature):
    """E[Σ_drawn w_j f_j / k] over every draw of k, every episode at the threshold, and every threshold.

    A score |A_j|/T + Gumbel is −log of an exponential time of rate λ_j = exp(|A_j|/T): the k first times are
    drawn, the next one is u = exp(−κ). Its density is integrated by the trapezoidal rule in log u.
    """
    advantages = torch.tensor(advantages, dtype=torch.float64)
    rates, width = torch.exp(advantages.abs() / temperature), 0.01
    u = torch.exp(width * torch.arange(-4500, 1500, dtype=torch.float64))
    q = exceedance(advantages, temperature, -torch.log(u)[:, None])  # by threshold and episode
    total = 0.0
    for drawn in map(list, combinations(range(len(rates)), k)):
        rest = sum(rates) - sum(rates[drawn])
        came = torch.prod(1 - torch.exp(-u[:, None] * rates[drawn]), dim=1)
        density = rest * torch.exp(-rest * u)  # one of the rest comes at u, the others later
        weights = k / (len(rates) * q[:, drawn])
        estimate = (weights * torch.tensor(values, dtype=torch.float64)[drawn]).mean(dim=1)
        total += float((came * density * estimate * u * width).sum())
    return total


@pytest.mark.parametrize("temperature", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_corrected_draws_without_replacement_are_exact(k, temperature):
    """The whole expectation, enumerated: the gradient of all episodes, to 1e-9."""
    advantages, gradients = [1.6, -0.9, 0.3, -0.2, -0.8], [0.7, -1.1, 0.4, 2.0, 0.1]
    values = [a * g for a, g in zip(advantages, gradients, strict=True)]
    found = expected_weighted_sum(advantages, values, k, temperature)
    assert found == pytest.approx(sum(values) / len(values), abs=1e-9)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("temperature", [0.25, 0.5, 1.0])
def test_the_draw_and_its_weights_go_together(temperature, replacement):
    """By simulation, 64 episodes, half of them kept: what is really drawn, really weighted."""
    draw = torch.Generator().manual_seed(5)
    advantages = torch.randn(64, generator=draw, dtype=torch.float64)
    values = advantages * torch.randn(64, generator=draw, dtype=torch.float64) + advantages.abs()
    sums = []
    for _ in range(6_000):
        chosen, weights = weighted_aaw_sample(
            advantages, k=32, temperature=temperature, generator=draw, replacement=replacement
        )
        sums.append(float((weights * values[chosen]).mean()))
    spread = float(torch.tensor(sums).std()) / len(sums) ** 0.5
    assert sum(sums) / len(sums) == pytest.approx(float(values.mean()), abs=4 * spread)
    assert 4 * spread < 0.09 * float(values.mean())  # 3.86 and 1.10 times the truth would be seen


def test_all_episodes_weigh_one():
    generator = torch.Generator().manual_seed(0)
    chosen, weights = weighted_aaw_sample(torch.randn(5), k=5, temperature=0.5, generator=generator)
    assert sorted(chosen.tolist()) == list(range(5))
    assert weights.tolist() == [1.0] * 5
    with pytest.raises(ValueError, match="without replacement"):
        weighted_aaw_sample(torch.zeros(3), k=4, temperature=1.0, generator=generator)


def test_the_draw_is_the_same_with_its_weights_and_without():
    advantages = torch.randn(40, generator=torch.Generator().manual_seed(3))
    options = {"k": 9, "temperature": 0.5}
    plain = aaw_sample(advantages, generator=torch.Generator().manual_seed(7), **options)
    weighted, _ = weighted_aaw_sample(advantages, generator=torch.Generator().manual_seed(7), **options)
    assert plain.tolist() == weighted.tolist()
