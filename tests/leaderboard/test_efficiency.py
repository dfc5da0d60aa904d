"""Why matches enter as chains of choices and single-seat episodes as pairs: each tells agents apart best.

The figures in the leaderboard's README are printed by

    python -m pytest -s -m slow tests/leaderboard/test_efficiency.py
"""

from collections.abc import Callable

import numpy as np
import pytest

from arena_leaderboard import Race
from arena_leaderboard.model.choices import choices_of
from arena_leaderboard.model.plackett_luce import Floats, fit

TOURNAMENTS, SEEDS = 400, 40

Draw = Callable[[Floats, np.random.Generator], Floats]


def placed(theta_A: Floats, generator: np.random.Generator) -> Floats:
    """Scores of one match as the model has them."""
    scores_A: Floats = theta_A + generator.gumbel(size=theta_A.size)
    return scores_A


def placed_with_ties(theta_A: Floats, generator: np.random.Generator) -> Floats:
    """The same, too coarse to tell all apart."""
    return np.round(1.5 * placed(theta_A, generator))


def reached(theta_A: Floats, generator: np.random.Generator) -> Floats:
    """Success or not on a seed that is easy or hard for all."""
    return np.asarray(generator.logistic(size=theta_A.size) < theta_A + generator.normal(scale=1.5), float)


def collected(theta_A: Floats, generator: np.random.Generator) -> Floats:
    """A few apples, less one for a death, on a seed that is rich or poor for all."""
    apples_A = generator.poisson(np.exp(0.6 * theta_A + generator.normal(scale=0.7))).clip(0, 5)
    return np.asarray(apples_A - (generator.random(theta_A.size) < 0.4), float)


def told_apart(draw: Draw, agents: int, *, met: bool) -> float:
    """The mean over neighbours of: their strengths' mean difference in its own standard deviations."""
    generator = np.random.default_rng(agents)
    theta_A = np.linspace(1.3, -1.3, agents)
    names = tuple(map(str, range(agents)))
    races = [
        Race("g", seed, names, tuple(draw(theta_A, generator).tolist()), met)
        for seed in range(TOURNAMENTS * SEEDS)
    ]
    tournament = [seed // SEEDS for seed in range(TOURNAMENTS * SEEDS)]
    found = choices_of(races, tournament, names, TOURNAMENTS).summed(np.eye(TOURNAMENTS))
    gaps = -np.diff(fit(found), axis=1)
    return float(np.mean(gaps.mean(axis=0) / gaps.std(axis=0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "chains_are_better"),
    [(placed, True), (placed_with_ties, True), (reached, False), (collected, False)],
)
def test_each_kind_of_race_enters_in_the_way_that_tells_most(draw: Draw, chains_are_better: bool) -> None:
    gains = {n: told_apart(draw, n, met=True) / told_apart(draw, n, met=False) - 1 for n in (4, 8)}
    print(f"\n{draw.__name__}: chains against pairs", {n: f"{gain:+.1%}" for n, gain in gains.items()})
    assert all((gain > 0) == chains_are_better for gain in gains.values())
