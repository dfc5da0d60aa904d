"""Plackett-Luce with bootstraps beside choix, which knows no bootstrap.

Everything counts for ours, from the results on: 20 agents, 100,000 matches, 200 bootstraps over the
seeds. Of choix only the fit of ready-made lists is timed, once: fits a second are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import choix
import numpy as np

from arena_leaderboard.model.ratings import fit_ratings
from tests.benchmarks.measure import Work
from tests.leaderboard.simulate import drawn_rankings, versus

BOOTSTRAPS, AGENTS, MATCHES = 200, 20, 100_000


def duels() -> Work:
    return _work(2, choix.ilsr_pairwise)


def races() -> Work:
    return _work(4, choix.ilsr_rankings)


def _work(seats: int, peer: Callable[..., Any]) -> Work:
    rankings = drawn_rankings(np.linspace(-1.5, 1.5, AGENTS), MATCHES, seats, np.random.default_rng(0))
    names = [f"agent {i:02}" for i in range(AGENTS)]
    places = range(1, seats + 1)
    results = [versus("g", n % 500, [names[i] for i in r], places) for n, r in enumerate(rankings)]

    def ours() -> int:
        fit_ratings(results, bootstraps=BOOTSTRAPS)
        return BOOTSTRAPS

    def theirs() -> int:
        peer(AGENTS, rankings, alpha=1e-6)
        return 1

    name = f"{BOOTSTRAPS} Plackett-Luce fits, {seats} seats"
    return Work(name, "fits/s", ours, "choix", theirs, reach=20, aim=100)
