"""Nash averaging: known games, copies, conditions of optimality, and where it is shown."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_leaderboard import MatchResult, circles, head_to_head, nash_average
from arena_leaderboard.model.ratings import fit_ratings
from arena_leaderboard.nash import greatest_entropy
from tests.leaderboard.simulate import versus

ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])


def duels(shares: dict[tuple[str, str], float], meetings: int = 20) -> list[MatchResult]:
    return [
        versus("g", seed, pair, (1, 2) if seed < share * meetings else (2, 1))
        for pair, share in shares.items()
        for seed in range(meetings)
    ]


def test_a_circle_of_three_shares_evenly() -> None:
    assert greatest_entropy(ROCK_PAPER_SCISSORS) == pytest.approx([1 / 3] * 3, abs=1e-6)


def test_an_uneven_circle_by_the_textbook() -> None:
    """Rock against paper for a, paper against scissors for b, scissors against rock for c: masses b, c, a."""
    a, b, c = 0.2, 0.3, 0.5
    payoff = np.array([[0, -a, c], [a, 0, -b], [-c, b, 0]])
    assert greatest_entropy(payoff) == pytest.approx([b, c, a], abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_who_beats_all_has_all(count: int) -> None:
    line = np.sign(np.arange(count)[None, :] - np.arange(count)[:, None]) * 0.3
    assert greatest_entropy(line) == pytest.approx(np.eye(count)[0], abs=1e-6)


def test_equals_share_evenly() -> None:
    assert greatest_entropy(np.zeros((4, 4))) == pytest.approx([0.25] * 4, abs=1e-9)


def test_a_copy_takes_half_of_its_original_and_of_nobody_else() -> None:
    a, b, c = 0.2, 0.3, 0.5
    payoff = np.array([[0, -a, c], [a, 0, -b], [-c, b, 0]])
    order = [0, 0, 1, 2]  # rock twice
    copied = payoff[np.ix_(order, order)]
    mass = greatest_entropy(copied)
    assert mass == pytest.approx([b / 2, b / 2, c, a], abs=1e-6)
    skill, plain = copied @ mass, payoff @ greatest_entropy(payoff)
    assert skill == pytest.approx(plain[order], abs=1e-6)


def test_many_copies_of_a_weak_agent_change_nothing() -> None:
    """A mean over opponents would be theirs."""
    payoff = np.zeros((13, 13))
    payoff[:3, :3] = ROCK_PAPER_SCISSORS * 0.4
    payoff[0, 3:], payoff[3:, 0] = 1, -1  # rock alone beats the ten
    payoff[1:3, 3:], payoff[3:, 1:3] = 0.1, -0.1
    assert greatest_entropy(payoff) == pytest.approx([1 / 3] * 3 + [0] * 10, abs=1e-6)


antisymmetric = (
    st.integers(1, 6)
    .flatmap(
        lambda n: st.lists(
            st.sampled_from([-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0]), min_size=n * n, max_size=n * n
        ).map(lambda values: np.triu(np.array(values).reshape(n, n), 1))
    )
    .map(lambda upper: upper - upper.T)
)


@settings(max_examples=60, deadline=None)
@given(antisymmetric)
def test_nobody_beats_it_and_no_other_equilibrium_is_more_even(payoff: np.ndarray) -> None:
    mass = greatest_entropy(payoff)
    assert mass.sum() == pytest.approx(1)
    assert (mass >= 0).all()
    assert (payoff @ mass).max() <= 1e-5
    generator = np.random.default_rng(0)
    from scipy.optimize import linprog

    def entropy(of: np.ndarray) -> float:
        kept = of[of > 1e-12]
        return float(-(kept * np.log(kept)).sum())

    for _ in range(5):  # corners of the set of equilibria, in directions at random
        corner = linprog(
            generator.normal(size=len(payoff)),
            A_ub=payoff,
            b_ub=np.zeros(len(payoff)),
            A_eq=np.ones((1, len(payoff))),
            b_eq=[1.0],
        ).x
        for part in (0.0, 0.5):
            other = part * mass + (1 - part) * corner
            assert entropy(other) <= entropy(mass) + 1e-4


def test_an_order_of_the_agents_changes_nothing() -> None:
    payoff = np.array([[0, -0.2, 0.5, 0.1], [0.2, 0, -0.3, 0.2], [-0.5, 0.3, 0, 0.3], [-0.1, -0.2, -0.3, 0]])
    mass = greatest_entropy(payoff)
    for order in permutations(range(4)):
        assert greatest_entropy(payoff[np.ix_(order, order)]) == pytest.approx(mass[list(order)], abs=1e-5)


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(ValueError, match="other sign"):
        greatest_entropy(np.ones((2, 2)))


def test_shares_of_a_tournament() -> None:
    round_about = {("r", "s"): 0.8, ("s", "p"): 0.8, ("p", "r"): 0.8}
    found = head_to_head(duels({**round_about, ("r", "w"): 1, ("p", "w"): 1, ("s", "w"): 0.9}))
    nash = nash_average(found.agents, found.overall)
    assert found.agents == ("p", "r", "s", "w")
    assert nash.mass == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0], abs=1e-6)
    assert nash.share == pytest.approx([0.5, 0.5, 0.5, (0 + 0 + 0.1) / 3], abs=1e-6)
    assert nash.to_json()["w"] == {"mass": nash.mass[3], "share": nash.share[3]}


def test_who_never_met_counts_as_rated() -> None:
    results = duels({("a", "b"): 0.9, ("b", "c"): 0.9})
    found = head_to_head(results)
    assert nash_average(found.agents, found.overall, fit_ratings(results)).mass == pytest.approx(
        [1, 0, 0], abs=1e-6
    )


def test_it_is_there_where_there_is_a_cycle_or_it_is_asked_for() -> None:
    line = head_to_head(duels({("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): 0.9}))
    assert circles(line).nash is None
    assert circles(line).to_json() == {"cycles": [], "nash": None}
    asked = circles(line, asked=True).nash
    assert asked is not None
    assert asked.mass == pytest.approx([1, 0, 0], abs=1e-6)
    found = circles(head_to_head(duels({("a", "b"): 1, ("b", "c"): 1, ("c", "a"): 1})))
    assert found.cycles == (("a", "b", "c"),)
    assert found.nash is not None
    assert found.nash.mass == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert circles(head_to_head([]), asked=True).nash is None
