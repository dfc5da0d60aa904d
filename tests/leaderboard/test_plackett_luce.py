"""The fit finds the maximum, from anywhere, and the same one as an independent library."""

import math
from time import perf_counter

import choix
import numpy as np
import pytest

from arena_leaderboard import Race
from arena_leaderboard.model.bootstrap import gather
from arena_leaderboard.model.plackett_luce import Choices, fit
from arena_leaderboard.model.ratings import fit_ratings
from tests.leaderboard.simulate import drawn_rankings, versus

AGENTS = tuple("abcdefghijklmnopqrst")


def choices_from(wins_AA: np.ndarray) -> Choices:
    """One replicate of pairs, in which i beat j `wins_AA[i, j]` times."""
    one, other = np.triu_indices(len(wins_AA), 1)
    sets_UA = np.eye(len(wins_AA))[one] + np.eye(len(wins_AA))[other]
    drawn = wins_AA[one, other] + wins_AA[other, one]
    return Choices(sets_UA, drawn[None], wins_AA.sum(axis=1)[None])


def as_races(rankings: list[list[int]]) -> list[Race]:
    return [
        Race("g", n, tuple(AGENTS[i] for i in ranking), tuple(-float(place) for place in range(len(ranking))))
        for n, ranking in enumerate(rankings)
    ]


def strengths_of(rankings: list[list[int]], agents: int) -> np.ndarray:
    evidence = gather(as_races(rankings), AGENTS[:agents])
    return fit(evidence.resampled(1, np.random.default_rng(0)))[0]


def with_the_prior(rankings: list[list[int]], agents: int) -> list[list[int]]:
    """Twice the rankings, and both halves of each agent's virtual draw with an average player."""
    draws = [pair for i in range(agents) for pair in ([i, agents], [agents, i])]
    return rankings * 2 + draws


def test_two_agents_have_the_textbook_gap() -> None:
    """n wins of n against the virtual draw's halves: at θ = ±d/2 the slope of ℓ is zero."""
    (strength, other) = fit(choices_from(np.array([[0.0, 10.0], [0.0, 0.0]])))[0]
    gap = strength - other
    assert other == pytest.approx(-strength)
    assert 10 / (1 + math.exp(gap)) == pytest.approx(1 / (1 + math.exp(-gap / 2)) - 0.5)


def test_newton_agrees_with_plain_ascent() -> None:
    generator = np.random.default_rng(2)
    sets_UA = generator.integers(0, 2, (12, 5)) + np.eye(5)[generator.integers(0, 5, 12)]
    drawn_U = generator.random(12) * 4
    shares_UA = sets_UA / sets_UA.sum(axis=1, keepdims=True)
    chosen_A = drawn_U @ shares_UA + np.array([0.5, -0.5, 0.2, 0.0, -0.2])
    theta = np.zeros(5)
    for _ in range(20_000):
        odds_UA = sets_UA * np.exp(theta)
        expected_A = drawn_U @ (odds_UA / odds_UA.sum(axis=1, keepdims=True))
        theta += 0.02 * (chosen_A - expected_A + 0.5 - 1 / (1 + np.exp(-theta)))
    found = fit(Choices(sets_UA, drawn_U[None], chosen_A[None]))
    np.testing.assert_allclose(found[0], theta, atol=1e-8)


def test_replicates_do_not_disturb_each_other() -> None:
    wins_RAA = np.random.default_rng(3).integers(0, 6, (7, 4, 4)) * (1 - np.eye(4))
    each = [choices_from(wins_AA) for wins_AA in wins_RAA]
    together = Choices(
        each[0].sets, np.concatenate([c.drawn for c in each]), np.concatenate([c.chosen for c in each])
    )
    np.testing.assert_allclose(fit(together), np.concatenate([fit(c) for c in each]), atol=1e-9)


@pytest.mark.parametrize("wins", [1.0, 1e3, 1e6, 1e8])
def test_newton_arrives_from_any_imbalance(wins: float) -> None:
    strengths = fit(choices_from(np.diag(np.full(5, wins), k=1)))[0]
    assert np.isfinite(strengths).all()
    assert (np.diff(strengths) < 0).all()


def test_a_replicate_may_be_the_opposite_of_the_first() -> None:
    """The first one's strengths, where the second starts, are as wrong as can be."""
    chain_AA = np.diag(np.full(4, 1e6), k=1)
    one, other = choices_from(chain_AA), choices_from(chain_AA.T)
    both = Choices(
        one.sets, np.concatenate([one.drawn, other.drawn]), np.concatenate([one.chosen, other.chosen])
    )
    strengths_RA = fit(both)
    np.testing.assert_allclose(strengths_RA[1], -strengths_RA[0], atol=1e-6)


@pytest.mark.parametrize("seats", [2, 3, 4])
def test_agrees_with_choix(seats: int) -> None:
    """The same maximum, prior and all, to 1e-5 log-odds (0.002 points), where choix stops."""
    generator = np.random.default_rng(seats)
    rankings = drawn_rankings(np.linspace(-1, 1, 6), 80, seats, generator)
    theirs = choix.opt_rankings(7, with_the_prior(rankings, 6), tol=1e-10)
    ours = strengths_of(rankings, 6)
    np.testing.assert_allclose(ours, theirs[:6] - theirs[6], atol=1e-5)


def test_ties_of_two_agree_with_choix_given_half_wins() -> None:
    generator = np.random.default_rng(8)
    pairs = drawn_rankings(np.linspace(-1, 1, 5), 200, 2, generator)
    tied = [Race("g", 1000 + n, (AGENTS[i], AGENTS[j]), (0.0, 0.0)) for n, (i, j) in enumerate(pairs[:80])]
    evidence = gather(as_races(pairs) + tied, AGENTS[:5])
    ours = fit(evidence.resampled(1, generator))[0]
    halves = [pair for i, j in pairs[:80] for pair in ([i, j], [j, i])]
    theirs = choix.opt_pairwise(6, with_the_prior(pairs, 5) + halves, tol=1e-10)
    np.testing.assert_allclose(ours, theirs[:5] - theirs[5], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("seats", "peer"), [(2, choix.ilsr_pairwise), (4, choix.ilsr_rankings)])
def test_200_bootstraps_of_100_000_matches_are_20_times_faster_than_choix(seats: int, peer) -> None:  # type: ignore[no-untyped-def]
    """Everything counts for ours, from the results on; for choix only its fit, 200 times that of one."""
    rankings = drawn_rankings(np.linspace(-1.5, 1.5, 20), 100_000, seats, np.random.default_rng(0))
    places = range(1, seats + 1)
    results = [versus("g", n % 500, [AGENTS[i] for i in r], places) for n, r in enumerate(rankings)]
    start = perf_counter()
    fitted = fit_ratings(results, bootstraps=200)
    ours = perf_counter() - start
    start = perf_counter()
    theirs_A = peer(20, rankings, alpha=1e-6)
    theirs = 200 * (perf_counter() - start)
    print(f"\n{seats} seats: ours {ours:.1f} s, choix {theirs:.0f} s, {theirs / ours:.0f} times")
    assert fitted is not None
    centred_A = fitted.strengths.theta[0] - fitted.strengths.theta[0].mean()
    np.testing.assert_allclose(centred_A, theirs_A, atol=2e-3)  # the priors differ
    assert theirs > 20 * ours
